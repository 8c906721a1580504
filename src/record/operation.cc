#include "spindle/record/operation.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "spindle/base/take_until.h"

namespace spindle {
namespace {

/// The order is that of Operation::Kind.
constexpr std::string_view kNames[] = {
    "lookup",
    "forget",
    "attributes",
    "set-attributes",
    "read-link",
    "create",
    "make-node",
    "make-directory",
    "symlink",
    "link",
    "temporary-file",
    "unlink",
    "remove-directory",
    "rename",
    "open",
    "read",
    "write",
    "sync",
    "sync-directory",
    "sync-all",
    "allocate",
    "seek",
    "copy-range",
    "read-directory",
    "get-xattr",
    "set-xattr",
    "list-xattr",
    "remove-xattr",
    "space",
};
static_assert(std::size(kNames) == static_cast<std::size_t>(Operation::Kind::kSpace) + 1);

constexpr std::string_view kDigits = "0123456789ABCDEF";

/// No request of the kernel has more.
constexpr std::uint64_t kMostBytes = 64u << 20;

bool moves_bytes(Operation::Kind kind) {
  return kind == Operation::Kind::kRead || kind == Operation::Kind::kWrite ||
         kind == Operation::Kind::kSetXattr;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '/';
}

int digit_of(char c) {
  const std::size_t place = kDigits.find(c);
  return place == std::string_view::npos ? -1 : static_cast<int>(place);
}

void append_byte(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

Result<char> byte_of(std::string_view two) {
  const int high = two.size() < 2 ? -1 : digit_of(two[0]);
  const int low = two.size() < 2 ? -1 : digit_of(two[1]);
  if (high < 0 || low < 0) return Error{EINVAL, "it is not a byte in hexadecimal"};
  return static_cast<char>(high << 4 | low);
}

std::string hexadecimal(std::string_view bytes) {
  if (bytes.empty()) return "-";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) append_byte(out, c);
  return out;
}

Result<std::string> bytes_of(std::string_view text) {
  std::string bytes;
  if (text == "-") return bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t at = 0; at < text.size(); at += 2) bytes += TRY(byte_of(text.substr(at, 2)));
  return bytes;
}

}  // namespace

std::string_view operation_name(Operation::Kind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::string escaped_text(std::string_view text) {
  if (text.empty()) return "-";
  std::string out;
  for (const char c : text) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += '%';
      append_byte(out, c);
    }
  }
  return out;
}

Result<std::string> unescaped_text(std::string_view text) {
  std::string out;
  if (text == "-") return out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (is_plain(text[at])) {
      out += text[at];
    } else if (text[at] == '%') {
      out += TRY(byte_of(text.substr(at + 1)));
      at += 2;
    } else {
      return Error{EINVAL, "the text is not escaped as it must be"};
    }
  }
  if (out.empty()) return Error{EINVAL, "a text is missing"};
  return out;
}

std::string_view take_field(std::string_view& line) {
  return take_until(line, ' ');
}

Result<std::uint64_t> number_field(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return Error{EINVAL, "it is not a number"};
  return value;
}

std::string operation_line(const Operation& o) {
  std::string line(operation_name(o.kind));
  for (const std::uint64_t number :
       {static_cast<std::uint64_t>(o.begin_ns), static_cast<std::uint64_t>(o.took_ns), o.node,
        o.other, o.offset, o.size, o.mode, o.flags, static_cast<std::uint64_t>(o.error),
        o.result}) {
    std::array<char, 24> digits;
    digits[0] = ' ';
    line.append(digits.data(),
                std::to_chars(digits.data() + 1, digits.data() + digits.size(), number).ptr);
  }
  for (const std::string& text :
       {escaped_text(o.name), escaped_text(o.new_name), hexadecimal(o.data)}) {
    line += ' ';
    line += text;
  }
  return line;
}

Result<Operation> parse_operation(std::string_view line) {
  Operation o;
  const auto* kind = std::ranges::find(kNames, take_field(line));
  if (kind == std::end(kNames)) return Error{EINVAL, "no operation has this name"};
  o.kind = static_cast<Operation::Kind>(kind - std::begin(kNames));
  std::uint64_t begin = 0;
  std::uint64_t took = 0;
  std::uint64_t error = 0;
  for (std::uint64_t* number :
       {&begin, &took, &o.node, &o.other, &o.offset, &o.size, &o.mode, &o.flags, &error, &o.result})
    *number = TRY(number_field(take_field(line)));
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 61;
  if (std::max({begin, took, o.offset, o.size, o.mode}) > kLargest || error > 4095 ||
      (moves_bytes(o.kind) && o.size > kMostBytes))
    return Error{EINVAL, "a number is out of range"};
  o.begin_ns = static_cast<std::int64_t>(begin);
  o.took_ns = static_cast<std::int64_t>(took);
  o.error = static_cast<int>(error);
  o.name = TRY(unescaped_text(take_field(line)));
  o.new_name = TRY(unescaped_text(take_field(line)));
  o.data = TRY(bytes_of(take_field(line)));
  if (!line.empty()) return Error{EINVAL, "the line has too many fields"};
  return o;
}

}  // namespace spindle
