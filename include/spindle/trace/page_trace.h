// PageTrace: references to pages, read from a file in one of the formats that tools write.
//
// numbers        one page number a line, decimal; '#' begins a comment
// lackey         valgrind --tool=lackey --trace-mem=yes: "I  04000a40,3", " L 1ffe,8" (also S, M);
//                a page of `page_size` bytes, two where the access reaches into the next
// din            Dinero: "0 7fff0" (0 read, 1 write, 2 instruction), hexadecimal addresses
// oracleGeneral  records of 24 bytes, little-endian: time u32, object u64, size u32, next use i64;
//                an object is a page
//
//   PageTrace trace = TRY(PageTrace::open("run.trace", std::nullopt, 4096));
//   while (std::size_t count = TRY(trace.read(buffer))) use(buffer.first(count));
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spindle/policy/replacement_policy.h"
#include "spindle/trace/trace_file.h"

namespace spindle {

enum class PageFormat : std::uint8_t { kNumbers, kLackey, kDin, kOracleGeneral };

std::span<const std::string_view> page_format_names();  ///< in the order of PageFormat
/// EINVAL if no format has this name.
Result<PageFormat> page_format_of(std::string_view name);
/// The format, as the beginning of the file looks; EINVAL if it looks like none.
Result<PageFormat> detect_page_format(std::string_view bytes);

class PageTrace {
 public:
  /// If no format is given, it is found out. `page_size` is a power of two.
  static Result<PageTrace> open(const std::string& path, std::optional<PageFormat> format,
                                std::uint64_t page_size);

  /// Fills the buffer, of 2 pages at least, as far as the trace goes; 0 at its end. EINVAL, with
  /// the byte offset, for a line that is not of the format.
  Result<std::size_t> read(std::span<PageKey> pages);

  [[nodiscard]] PageFormat format() const { return format_; }
  [[nodiscard]] std::uint64_t bytes_done() const { return at_; }
  [[nodiscard]] std::uint64_t bytes() const { return file_.bytes().size(); }

 private:
  PageTrace(TraceFile file, PageFormat format, unsigned page_bits)
      : file_(std::move(file)), format_(format), page_bits_(page_bits) {}

  Result<std::size_t> read_numbers(std::span<PageKey> pages);
  Result<std::size_t> read_addresses(std::span<PageKey> pages);
  Result<std::size_t> read_records(std::span<PageKey> pages);

  TraceFile file_;
  PageFormat format_;
  unsigned page_bits_;
  std::size_t at_ = 0;
};

}  // namespace spindle
