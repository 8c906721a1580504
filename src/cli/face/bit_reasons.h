// BitReasons: why a page goes under the policies that look at reference bits and dirty bits: NRU,
// ageing, enhanced CLOCK, WSClock.
//
//   BitReasons bits(solved);
//   std::string why = bits.why(frame);          // before the page in it goes
//   bits.refer(frame, "7", is_load, writes);    // after each reference
//
// It keeps the bits of each frame, and chooses as the policy does, to say what the choice found.
// Where it would have chosen another frame, or the policy is not one of these, it says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/face/face.h"

namespace spindle::cli {

class BitReasons {
 public:
  explicit BitReasons(const Solved& solved);

  [[nodiscard]] std::string why(std::size_t victim);
  void refer(std::size_t frame, const std::string& page, bool is_load, bool writes);

 private:
  struct Frame {
    std::string page;
    bool used = false;
    bool written = false;
    std::uint64_t counter = 0;
    std::size_t last_use = 0;  ///< as WSClock's hand has noted it
  };

  [[nodiscard]] std::uint64_t class_of(const Frame& frame) const;
  [[nodiscard]] std::string class_text(const Frame& frame) const;
  [[nodiscard]] std::string lowest_class(std::size_t victim) const;
  [[nodiscard]] std::string rounds_of_enhanced_clock(std::size_t victim);
  [[nodiscard]] std::string round_of_wsclock(std::size_t victim);
  void tick();

  std::string_view policy_;
  std::size_t ticks_every_;
  std::size_t window_;
  std::size_t counter_bits_;
  std::vector<Frame> frames_;
  std::size_t hand_ = 0;
  std::size_t now_ = 0;  ///< references so far
};

}  // namespace spindle::cli
