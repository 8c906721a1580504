// TraceFile: a trace on disk, mapped into memory and read from front to back. What comes through a
// pipe, as from `zcat`, is kept in a nameless file first.
//
// Pages that were read are given back, so that a trace larger than the memory is read as fast as
// the disk allows, and a short one from the page cache. The bytes are a person's: decoders bound
// every access and answer what they cannot read with an Error whose subject is the byte offset.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

class TraceFile {
 public:
  /// "-" is the standard input. The errno of the host if the file cannot be opened or mapped;
  /// EINVAL if it is empty.
  static Result<TraceFile> open(const std::string& path);
  TraceFile(TraceFile&& other) noexcept;
  TraceFile& operator=(TraceFile&&) = delete;
  ~TraceFile();

  [[nodiscard]] std::string_view bytes() const { return {data_, size_}; }
  /// The reader has come to `offset`: pages well before it may be given back.
  void passed(std::size_t offset);

 private:
  TraceFile(const char* data, std::size_t size) : data_(data), size_(size) {}

  const char* data_;
  std::size_t size_;
  std::size_t given_back_ = 0;
};

/// Goes through text line by line, field by field; all of it stays within the text.
class TextCursor {
 public:
  TextCursor(std::string_view text, std::size_t at) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  /// The rest of the line without its end; the cursor is then behind it.
  std::string_view line();

 private:
  std::string_view text_;
  std::size_t at_;
};

/// The next field of a line, up to one of `separators`; several separators in a row are one.
std::string_view next_field(std::string_view& line, std::string_view separators);
/// False if the whole text is not such a number.
bool read_decimal(std::string_view text, std::uint64_t& value);
bool read_hexadecimal(std::string_view text, std::uint64_t& value);
/// Reads a decimal fraction of `unit`, cut off below 1: ("1.5", 1'000'000'000) gives 1'500'000'000.
bool read_fraction(std::string_view text, std::uint64_t unit, std::uint64_t& value);

}  // namespace spindle
