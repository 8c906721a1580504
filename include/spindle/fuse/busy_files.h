// BusyFiles: which files the requests are for, the busiest of them, in a table of fixed size.
//
//   BusyFiles files;
//   files.add({.node = node, .read_bytes = 4096, .now_ns = now});
//   for (const BusyFiles::File& file : files.rows()) ...        // the busiest first
//
// However many files there are, kMost are kept, by the algorithm Space-Saving (Metwally, Agrawal
// and El Abbadi: "Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT
// 2005): a file that is not in the table takes the place of the least busy one, and its score with
// it, so that no file is missing that has more than one kMost-th of all. Scores halve every
// kHalfLifeNs, so that the table follows what happens now. The counts of a row are exact from when
// the file `entered`. Adding costs a look through the table. Not locked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "spindle/fs/tree.h"

namespace spindle {

class BusyFiles {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::int64_t kHalfLifeNs = 10'000'000'000;

  struct Request {
    NodeId node = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
    std::int64_t now_ns = 0;  ///< by a clock that never goes back
  };
  struct File {
    NodeId node = 0;            ///< 0: the row is free
    std::uint64_t entered = 0;  ///< how many files had entered the table before
    std::uint64_t requests = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
  };

  void add(const Request& request);
  /// The number now belongs to a new file, which has had no request yet.
  void forget(NodeId node);
  /// Those with a score, the highest first.
  [[nodiscard]] std::vector<File> rows() const;
  void reset() { *this = {}; }

 private:
  void fade(std::int64_t now_ns);
  std::size_t place_of(NodeId node);

  std::array<NodeId, kMost> nodes_{};  ///< apart from the rest, since they are looked through
  std::array<double, kMost> scores_{};
  std::array<File, kMost> files_{};
  std::uint64_t entries_ = 0;
  std::int64_t faded_ns_ = 0;
};

}  // namespace spindle
