#include "spindle/trace/trace_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>
#include <memory>
#include <vector>

namespace spindle {
namespace {

constexpr std::size_t kGiveBackStep = std::size_t{64} << 20;

struct Close {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};
using Stream = std::unique_ptr<std::FILE, Close>;

bool is_pipe(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
}

/// A nameless file with all that comes through the pipe; null, with errno, if it cannot be made.
Stream kept(std::FILE* pipe) {
  Stream file(std::tmpfile());
  std::vector<char> buffer(std::size_t{1} << 20);
  while (file != nullptr) {
    const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe);
    if (count == 0 && std::ferror(pipe) == 0 && std::fflush(file.get()) == 0) break;
    if (count == 0 || std::fwrite(buffer.data(), 1, count, file.get()) != count) file.reset();
  }
  return file;
}

}  // namespace

Result<TraceFile> TraceFile::open(const std::string& path) {
  Stream file(std::fopen(path == "-" ? "/dev/stdin" : path.c_str(), "re"));
  if (file == nullptr) return Error{errno, "the trace cannot be opened"};
  if (is_pipe(::fileno(file.get()))) file = kept(file.get());
  if (file == nullptr) return Error{errno, "the data from the pipe cannot be stored"};
  struct stat status {};
  const bool known = ::fstat(::fileno(file.get()), &status) == 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (!known || !S_ISREG(status.st_mode) || size == 0)
    return Error{EINVAL, "the trace is empty or not a file"};
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, ::fileno(file.get()), 0);
  if (data == MAP_FAILED) return Error{errno, "the trace cannot be mapped into memory"};
  static_cast<void>(::madvise(data, size, MADV_SEQUENTIAL));
  return TraceFile(static_cast<const char*>(data), size);
}

TraceFile::TraceFile(TraceFile&& other) noexcept
    : data_(other.data_), size_(other.size_), given_back_(other.given_back_) {
  other.data_ = nullptr;
  other.size_ = 0;
}

TraceFile::~TraceFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

void TraceFile::passed(std::size_t offset) {
  if (offset < given_back_ + 2 * kGiveBackStep) return;
  const std::size_t length = offset / kGiveBackStep * kGiveBackStep - given_back_ - kGiveBackStep;
  static_cast<void>(::madvise(const_cast<char*>(data_) + given_back_, length, MADV_DONTNEED));
  given_back_ += length;
}

std::string_view TextCursor::line() {
  const std::string_view rest = text_.substr(at_);
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  at_ += std::min(end + 1, rest.size());
  std::string_view line = rest.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view next_field(std::string_view& line, std::string_view separators) {
  // Fields are short and separators few: the library's search would make a call for each character.
  const auto is_separator = [separators](char c) {
    for (const char separator : separators)
      if (c == separator) return true;
    return false;
  };
  const char* const start = std::find_if_not(line.begin(), line.end(), is_separator);
  const char* const end = std::find_if(start, line.end(), is_separator);
  line = {end, line.end()};
  return {start, end};
}

bool read_decimal(std::string_view text, std::uint64_t& value) {
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stopped == text.data() + text.size();
}

bool read_hexadecimal(std::string_view text, std::uint64_t& value) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && stopped == text.data() + text.size();
}

bool read_fraction(std::string_view text, std::uint64_t unit, std::uint64_t& value) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::uint64_t whole = 0;
  if (!read_decimal(text.substr(0, point), whole)) return false;
  if (whole > std::numeric_limits<std::uint64_t>::max() / unit / 2) return false;
  value = whole * unit;
  std::uint64_t worth = unit;
  for (char digit : text.substr(std::min(point + 1, text.size()))) {
    if (digit < '0' || '9' < digit) return false;
    worth /= 10;
    value += worth * static_cast<std::uint64_t>(digit - '0');
  }
  return true;
}

}  // namespace spindle
