#include "spindle/trace/page_trace.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "spindle/base/check.h"
#include "spindle/base/endian.h"

namespace spindle {
namespace {

constexpr std::string_view kPageFormatNames[] = {"numbers", "lackey", "din", "oracleGeneral"};
constexpr std::size_t kRecordBytes = 24;
constexpr std::size_t kObjectOffset = 4;
/// How many lines are looked at to find out the format.
constexpr int kPageLinesLookedAt = 50;

bool is_comment(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos || line[first] == '#' || line.starts_with("==");
}

struct Access {
  std::uint64_t address = 0;
  std::uint64_t size = 1;
};

/// Reads "I  04000a40,3" or " L 1ffe,8".
bool read_lackey(std::string_view line, Access& access) {
  const std::string_view kind = next_field(line, " ");
  if (kind.size() != 1 || std::string_view("ILSM").find(kind) == std::string_view::npos)
    return false;
  const std::string_view address = next_field(line, " ,");
  return read_hexadecimal(address, access.address) &&
         read_decimal(next_field(line, " ,"), access.size) && access.size != 0;
}

bool read_din(std::string_view line, Access& access) {
  const std::string_view kind = next_field(line, " \t");
  return kind.size() == 1 && '0' <= kind[0] && kind[0] <= '4' &&
         read_hexadecimal(next_field(line, " \t"), access.address);
}

/// A number of up to seven digits that ends its line.
struct ShortNumber {
  std::uint64_t value = 0;
  unsigned digits = 0;  ///< 0: it is not such a line
};

/// Works on all digits at once, in the bytes of a word: they are found, moved to its upper end, and
/// added up in pairs, in fours and in eights.
ShortNumber read_short_number(const char* text) {
  le64 loaded;
  std::memcpy(&loaded, text, sizeof loaded);
  const std::uint64_t word = loaded;
  const std::uint64_t digits = word ^ 0x3030303030303030;
  const std::uint64_t others = (digits | (digits + 0x7676767676767676)) & 0x8080808080808080;
  const auto length = static_cast<unsigned>(std::countr_zero(others)) / 8;
  if (length == 0 || length == 8 || text[length] != '\n') return {};
  std::uint64_t sum = digits << (64 - 8 * length);
  sum = sum * 10 + (sum >> 8);
  constexpr std::uint64_t kPair = 0x000000FF000000FF;
  sum = ((sum & kPair) * 0x000F424000000064 + (sum >> 16 & kPair) * 0x0000271000000001) >> 32;
  return {sum & 0xFFFFFFFF, length};
}

bool is_text(std::string_view bytes) {
  return std::ranges::all_of(bytes.substr(0, 4096), [](char c) {
    return c == '\t' || c == '\n' || c == '\r' || (' ' <= c && c <= '~');
  });
}

}  // namespace

std::span<const std::string_view> page_format_names() {
  return kPageFormatNames;
}

Result<PageFormat> page_format_of(std::string_view name) {
  const auto* found = std::ranges::find(kPageFormatNames, name);
  if (found == std::end(kPageFormatNames))
    return Error{EINVAL, "no format of page traces has this name"};
  return static_cast<PageFormat>(found - std::begin(kPageFormatNames));
}

Result<PageFormat> detect_page_format(std::string_view bytes) {
  if (!is_text(bytes)) {
    if (bytes.size() % kRecordBytes == 0) return PageFormat::kOracleGeneral;
    return Error{EINVAL, "the trace is neither text nor records of 24 bytes"};
  }
  TextCursor cursor(bytes, 0);
  for (int seen = 0; !cursor.at_end() && seen < kPageLinesLookedAt; ++seen) {
    const std::string_view line = cursor.line();
    if (is_comment(line)) continue;
    Access access;
    if (read_lackey(line, access)) return PageFormat::kLackey;
    std::string_view rest = line;
    std::uint64_t number = 0;
    if (read_decimal(next_field(rest, " \t"), number) && next_field(rest, " \t").empty())
      return PageFormat::kNumbers;
    if (read_din(line, access)) return PageFormat::kDin;
  }
  return Error{EINVAL, "the trace looks like none of numbers, lackey, din and oracleGeneral"};
}

Result<PageTrace> PageTrace::open(const std::string& path, std::optional<PageFormat> format,
                                  std::uint64_t page_size) {
  if (!std::has_single_bit(page_size)) return Error{EINVAL, "the page size is not a power of two"};
  TraceFile file = TRY(TraceFile::open(path));
  if (!format) format = TRY(detect_page_format(file.bytes()));
  if (*format == PageFormat::kOracleGeneral && file.bytes().size() % kRecordBytes != 0)
    return Error{EINVAL, "the trace does not consist of records of 24 bytes"};
  return PageTrace(std::move(file), *format, static_cast<unsigned>(std::countr_zero(page_size)));
}

Result<std::size_t> PageTrace::read(std::span<PageKey> pages) {
  CHECK(pages.size() >= 2);
  file_.passed(at_);
  if (format_ == PageFormat::kNumbers) return read_numbers(pages);
  if (format_ == PageFormat::kOracleGeneral) return read_records(pages);
  return read_addresses(pages);
}

// Reads eight bytes at a time: a branch on the length of a number would often be predicted
// wrongly, and each wrong prediction costs more than all the rest.
Result<std::size_t> PageTrace::read_numbers(std::span<PageKey> pages) {
  const std::string_view bytes = file_.bytes();
  std::size_t count = 0;
  while (count < pages.size() && at_ < bytes.size()) {
    if (at_ + sizeof(std::uint64_t) <= bytes.size()) {
      const ShortNumber number = read_short_number(bytes.data() + at_);
      if (number.digits != 0) {
        pages[count++] = number.value;
        at_ += number.digits + 1;
        continue;
      }
    }
    TextCursor cursor(bytes, at_);
    const std::string_view whole = cursor.line();
    std::string_view line = whole;
    std::uint64_t value = 0;
    const bool is_number =
        read_decimal(next_field(line, " \t"), value) && next_field(line, " \t").empty();
    if (is_number)
      pages[count++] = value;
    else if (!is_comment(whole))
      return Error{EINVAL, "the line is not a page number", Subject::byte(at_)};
    at_ = cursor.at();
  }
  return count;
}

Result<std::size_t> PageTrace::read_addresses(std::span<PageKey> pages) {
  TextCursor cursor(file_.bytes(), at_);
  std::size_t count = 0;
  while (count + 2 <= pages.size() && !cursor.at_end()) {
    const std::size_t start = cursor.at();
    const std::string_view line = cursor.line();
    if (is_comment(line)) continue;
    Access access;
    const bool good =
        format_ == PageFormat::kLackey ? read_lackey(line, access) : read_din(line, access);
    if (!good) return Error{EINVAL, "the line is not a memory access", Subject::byte(start)};
    const PageKey first = access.address >> page_bits_;
    const PageKey last = (access.address + access.size - 1) >> page_bits_;
    pages[count++] = first;
    if (last != first) pages[count++] = last;
  }
  at_ = cursor.at();
  return count;
}

Result<std::size_t> PageTrace::read_records(std::span<PageKey> pages) {
  const std::string_view bytes = file_.bytes();
  std::size_t count = 0;
  for (; count < pages.size() && at_ + kRecordBytes <= bytes.size(); at_ += kRecordBytes) {
    le64 object;
    std::memcpy(&object, bytes.data() + at_ + kObjectOffset, sizeof object);
    pages[count++] = object;
  }
  return count;
}

}  // namespace spindle
