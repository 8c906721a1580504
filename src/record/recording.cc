#include "spindle/record/recording.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "spindle/base/whole_file.h"

namespace spindle {
namespace {

constexpr std::string_view kFirstLine = "spindle-recording 1";
constexpr std::uint64_t kLargestVolume = std::uint64_t{1} << 44;

Result<> read_volume(std::string_view line, Recording& recording) {
  const std::uint64_t block_size = TRY(number_field(take_field(line)));
  recording.blocks = TRY(number_field(take_field(line)));
  recording.inodes = TRY(number_field(take_field(line)));
  if (block_size < 512 || block_size > 65536 || (block_size & (block_size - 1)) != 0 ||
      recording.blocks > kLargestVolume / block_size)
    return Error{EINVAL, "no volume has such a size"};
  recording.block_size = static_cast<std::uint32_t>(block_size);
  return {};
}

Result<> read_file(std::string_view line, Recording& recording) {
  RecordedFile file;
  file.node = TRY(number_field(take_field(line)));
  file.mode = static_cast<std::uint32_t>(TRY(number_field(take_field(line))));
  file.size = TRY(number_field(take_field(line)));
  file.sectors = TRY(number_field(take_field(line)));
  file.path = TRY(unescaped_text(take_field(line)));
  if (file.size > kLargestVolume) return Error{EINVAL, "no file has such a size"};
  recording.files.push_back(std::move(file));
  return {};
}

Result<> read_line(std::string_view line, Recording& recording) {
  const std::string_view kind = take_field(line);
  if (kind == "op") {
    recording.operations.push_back(TRY(parse_operation(line)));
    return {};
  }
  if (kind == "file") return read_file(line, recording);
  if (kind == "volume") return read_volume(line, recording);
  if (kind == "command") {
    recording.command = TRY(unescaped_text(line));
    return {};
  }
  if (kind != "setting") return Error{EINVAL, "no line of a recording begins so"};
  const std::string name(take_field(line));
  recording.settings[name] = TRY(unescaped_text(line));
  return {};
}

}  // namespace

std::string recording_head(const Recording& recording) {
  std::string out(kFirstLine);
  out += "\nvolume " + std::to_string(recording.block_size) + " " +
         std::to_string(recording.blocks) + " " + std::to_string(recording.inodes) + "\n";
  for (const auto& [name, value] : recording.settings)
    out += "setting " + name + " " + escaped_text(value) + "\n";
  out += "command " + escaped_text(recording.command) + "\n";
  for (const RecordedFile& file : recording.files)
    out += "file " + std::to_string(file.node) + " " + std::to_string(file.mode) + " " +
           std::to_string(file.size) + " " + std::to_string(file.sectors) + " " +
           escaped_text(file.path) + "\n";
  return out;
}

Result<Recording> read_recording(const std::string& path) {
  return parse_recording(TRY(whole_file(path)));
}

Result<Recording> parse_recording(std::string_view text) {
  Recording recording;
  bool has_ended = false;
  for (std::size_t at = 0; at < text.size() && !has_ended;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (at == 0) {
      if (line != kFirstLine) return Error{EINVAL, "it is not a recording of this version"};
    } else if (line.starts_with("end ")) {
      const auto count = number_field(line.substr(4));
      has_ended = count.ok() && *count == recording.operations.size();
      if (!has_ended) return Error{EINVAL, "operations are missing", Subject::byte(at)};
    } else if (const Result<> read = read_line(line, recording); !read.ok()) {
      return Error{EINVAL, read.error().what, Subject::byte(at)};
    }
    at = end + 1;
  }
  if (!has_ended || recording.block_size == 0) return Error{EINVAL, "the recording is cut off"};
  std::ranges::stable_sort(recording.operations, {}, &Operation::begin_ns);
  return recording;
}

}  // namespace spindle
