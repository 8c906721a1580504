#include "spindle/device/crash_device.h"

#include <fcntl.h>

#include <algorithm>

#include "spindle/base/file_descriptor.h"

namespace spindle {
namespace {

/// The place of what was discarded.
constexpr std::uint64_t kPlaceOfZeros = 0;
/// How many of the overwritten blocks are compared: the first ones, among them the superblock,
/// which each mount and each repair changes.
constexpr std::size_t kMostCompared = 16384;

/// What the image may hold of one block in the end.
struct Ending {
  std::uint64_t place = kPlaceOfZeros;
  std::vector<std::uint64_t> others = {};  ///< writes whose end was not seen
};

std::unordered_map<BlockNo, Ending> endings(const WriteLogFile& log) {
  std::unordered_map<BlockNo, Ending> all;
  for (const auto& [block, place] : log.before()) all[block].place = place;
  for (std::size_t i = 0; i < log.events().size(); ++i) {
    const WriteEvent& event = log.events()[i];
    for (std::uint64_t b = 0; b < event.run.length; ++b) {
      Ending& ending = all[event.run.start + b];
      const std::uint64_t place = log.content_offset(i) + b * log.block_size();
      if (event.kind == WriteEvent::Kind::kDiscard)
        ending = {};
      else if (event.moment == WriteEvent::kNever)
        ending.others.push_back(place);
      else
        ending = {place};
    }
  }
  return all;
}

}  // namespace

CrashDevice::CrashDevice(const WriteLogFile& log, std::unique_ptr<FileDevice> locked,
                         FileDescriptor image)
    : log_(log), locked_(std::move(locked)), image_(std::move(image)), places_(log.before()) {}

Result<std::unique_ptr<CrashDevice>> CrashDevice::open(const WriteLogFile& log,
                                                       const std::string& image) {
  auto locked = TRY(FileDevice::open(image, FileDevice::Access::kReadOnly, log.block_size()));
  if (locked->block_count() != log.block_count())
    return Error{EINVAL, "the recording was made of an image of another size"};
  FileDescriptor file(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return Error{errno, "the image cannot be opened"};
  std::unique_ptr<CrashDevice> device(new CrashDevice(log, std::move(locked), std::move(file)));
  TRY(device->check_image());
  return device;
}

Result<> CrashDevice::check_image() const {
  const auto all = endings(log_);
  std::vector<BlockNo> blocks;
  for (const auto& [block, ending] : all) blocks.push_back(block);
  std::ranges::sort(blocks);
  if (blocks.size() > kMostCompared) blocks.resize(kMostCompared);
  std::vector<std::byte> found(block_size());
  std::vector<std::byte> expected(block_size());
  for (const BlockNo block : blocks) {
    const Ending& ending = all.at(block);
    if (ending.place == kPlaceOfZeros) continue;  // discarded blocks may hold anything
    TRY(read_image(block, found));
    std::vector<std::uint64_t> places = ending.others;
    places.push_back(ending.place);
    bool is_one = false;
    for (const std::uint64_t place : places) {
      TRY(log_.read(place, expected));
      is_one = is_one || found == expected;
    }
    if (!is_one)
      return Error{ESTALE, "the image was changed after the recording", Subject::block(block)};
  }
  return {};
}

void CrashDevice::advance(const WriteOrder::Barrier& barrier) {
  for (const WritePart& part : barrier.made_durable) {
    const WriteEvent& event = log_.events()[part.event];
    const BlockNo start = event.run.start + part.offset / block_size();
    for (std::uint64_t at = 0; at < part.length; at += block_size()) {
      places_[start + at / block_size()] = event.kind == WriteEvent::Kind::kDiscard
                                               ? kPlaceOfZeros
                                               : log_.content_offset(part.event) + part.offset + at;
    }
  }
}

Result<> CrashDevice::apply(BlockDevice& state, std::span<const WritePart> parts) const {
  for (const WritePart& part : parts) TRY(apply(state, part));
  return {};
}

// Writes whole blocks; the bytes of the first and the last that are outside the part stay as they
// are.
Result<> CrashDevice::apply(BlockDevice& state, const WritePart& part) const {
  const WriteEvent& event = log_.events()[part.event];
  const std::uint64_t first = part.offset / block_size();
  const std::uint64_t end = (part.offset + part.length + block_size() - 1) / block_size();
  const BlockNo start = event.run.start + first;
  std::vector<std::byte> bytes((end - first) * block_size());
  TRY(state.read(start, bytes));
  const auto own = std::span(bytes).subspan(part.offset - first * block_size(), part.length);
  if (event.kind == WriteEvent::Kind::kDiscard)
    std::ranges::fill(own, std::byte{0});
  else
    TRY(log_.read(log_.content_offset(part.event) + part.offset, own));
  return state.write(start, bytes);
}

Result<> CrashDevice::submit(std::span<const IoRequest> batch) {
  for (const IoRequest& request : batch) {
    TRY(check_request(*this, request));
    if (request.kind == IoRequest::Kind::kWrite)
      return Error{EROFS, "a recording cannot be written to"};
    BlockNo at = request.start;
    for (const auto& buffer : request.buffers) {
      TRY(read_blocks(at, buffer));
      at = at + buffer.size() / block_size();
    }
  }
  return {};
}

Result<> CrashDevice::read_blocks(BlockNo start, std::span<std::byte> into) const {
  const std::uint64_t count = into.size() / block_size();
  for (std::uint64_t i = 0; i < count;) {
    const auto block = [&](std::uint64_t n) {
      return into.subspan(n * block_size(), block_size());
    };
    const auto place = places_.find(start + i);
    if (place == places_.end()) {
      std::uint64_t end = i + 1;
      while (end < count && !places_.contains(start + end)) ++end;
      TRY(read_image(start + i, into.subspan(i * block_size(), (end - i) * block_size())));
      i = end;
      continue;
    }
    if (place->second == kPlaceOfZeros)
      std::ranges::fill(block(i), std::byte{0});
    else
      TRY(log_.read(place->second, block(i)));
    ++i;
  }
  return {};
}

Result<> CrashDevice::read_image(BlockNo start, std::span<std::byte> into) const {
  const auto got = read_at(image_.get(), into, start.value * block_size());
  if (!got.ok()) return Error{got.code(), "the image cannot be read", Subject::block(start)};
  if (*got < into.size()) return Error{EIO, "the image has become shorter", Subject::block(start)};
  return {};
}

}  // namespace spindle
