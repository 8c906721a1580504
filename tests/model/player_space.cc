// What a Player does to the content of files.

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>

#include "mounted_volume.h"
#include "player.h"

namespace spindle::test {
namespace {

constexpr std::byte kZero{0};

}  // namespace

bool Player::adopt(ReferenceNode& file, std::uint64_t offset,
                   const std::vector<std::byte>& written) {
  const auto now = content_of(*volume_, file.node);
  std::vector<std::byte> most = file.bytes;
  most.resize(std::max<std::size_t>(most.size(), offset + written.size()));
  std::copy(written.begin(), written.end(), most.begin() + static_cast<std::ptrdiff_t>(offset));
  if (now.size() < file.bytes.size() || now.size() > most.size()) {
    return fail("a write that failed left the size " + std::to_string(now.size()));
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    const bool is_old = i < file.bytes.size() && now[i] == file.bytes[i];
    if (!is_old && now[i] != most[i]) {
      return fail("a write that failed left something else at byte " + std::to_string(i));
    }
  }
  file.bytes = now;
  return true;
}

bool Player::write() {
  const Reference file = pick_file();
  if (!file) return true;
  const std::uint64_t offset =
      random_.one_in(3) ? file->bytes.size() : random_.below(options_.max_file);
  const auto bytes = bytes_of(random_(), 1 + random_.below(random_.one_in(4) ? 40'000 : 3000));
  if (offset + bytes.size() > options_.max_file) return true;
  const Setuid setuid = random_.one_in(4) ? Setuid::kClear : Setuid::kKeep;
  const auto written = volume_->write(file->node, 0, offset, bytes, setuid);
  if (!agrees("write", written.code(), 0)) return false;
  if (!written.ok()) return adopt(*file, offset, bytes);
  auto& content = file->bytes;
  content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
  return true;
}

bool Player::read() {
  const Reference file = pick_file();
  if (!file) return true;
  last_ = "read";
  const std::size_t size = file->bytes.size();
  const std::size_t offset = random_.below(size + 100);
  const std::size_t count = 1 + random_.below(20'000);
  const auto got = read_from(*volume_, file->node, offset, count);
  const std::size_t first = std::min(offset, size);
  const std::size_t end = std::min(size, offset + count);
  const bool same =
      got.size() == (end > first ? end - first : 0) &&
      std::equal(got.begin(), got.end(), file->bytes.begin() + static_cast<std::ptrdiff_t>(first));
  return same || fail("read of " + std::to_string(count) + " bytes at " + std::to_string(offset));
}

bool Player::truncate() {
  const Reference file = pick_file();
  if (!file) return true;
  AttributeChange change;
  change.size = true;
  change.to.size = random_.one_in(3) ? 0 : random_.below(options_.max_file);
  const auto changed = volume_->set_attributes({}, file->node, change);
  if (!agrees("truncate", changed.code(), 0)) return false;
  if (changed.ok()) file->bytes.resize(change.to.size);
  return true;
}

bool Player::change_range(std::uint64_t offset, std::uint64_t length, int mode) {
  const Reference file = pick_file();
  if (!file) return true;
  auto& bytes = file->bytes;
  const std::uint64_t size = bytes.size();
  const std::uint64_t end = offset + length;
  int expected = 0;
  if (mode == FALLOC_FL_COLLAPSE_RANGE && end >= size) expected = EINVAL;
  if (mode == FALLOC_FL_INSERT_RANGE && offset >= size) expected = EINVAL;
  if (mode == FALLOC_FL_INSERT_RANGE && size + length > options_.max_file) return true;
  const auto done = volume_->allocate({}, file->node, mode, offset, length);
  if (!agrees(("fallocate " + std::to_string(mode)).c_str(), done.code(), expected)) return false;
  if (expected != 0) return true;
  if (!done.ok()) {
    return mode == FALLOC_FL_ZERO_RANGE || mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE)
               ? adopt(*file, std::min(offset, size),
                       std::vector<std::byte>(std::min(end, size) - std::min(offset, size)))
               : true;
  }
  const auto at = [&](std::uint64_t place) {
    return bytes.begin() + static_cast<std::ptrdiff_t>(place);
  };
  if (mode == FALLOC_FL_COLLAPSE_RANGE) {
    bytes.erase(at(offset), at(end));
  } else if (mode == FALLOC_FL_INSERT_RANGE) {
    bytes.insert(at(offset), length, kZero);
  } else {
    if ((mode & FALLOC_FL_KEEP_SIZE) == 0 && end > size) bytes.resize(end);
    const bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
    if (zeroes && offset < size) std::fill(at(offset), at(std::min(end, size)), kZero);
  }
  return true;
}

bool Player::allocate() {
  static constexpr int kModes[] = {0,
                                   FALLOC_FL_KEEP_SIZE,
                                   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                   FALLOC_FL_ZERO_RANGE,
                                   FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                                   FALLOC_FL_COLLAPSE_RANGE,
                                   FALLOC_FL_INSERT_RANGE};
  const int mode = kModes[random_.below(std::size(kModes))];
  std::uint64_t offset = random_.below(options_.max_file);
  std::uint64_t length = 1 + random_.below(30'000);
  if (mode == FALLOC_FL_COLLAPSE_RANGE || mode == FALLOC_FL_INSERT_RANGE) {
    const std::uint64_t unit = volume_->layout().block_size;
    offset = offset / unit * unit;
    length = (length / unit + 1) * unit;
  }
  if (offset + length > options_.max_file) return true;
  return change_range(offset, length, mode);
}

bool Player::seek() {
  const Reference file = pick_file();
  if (!file) return true;
  last_ = "seek";
  const auto& bytes = file->bytes;
  const std::uint64_t offset = random_.below(bytes.size() + 10);
  const auto data = volume_->seek(file->node, offset, SEEK_DATA);
  const auto hole = volume_->seek(file->node, offset, SEEK_HOLE);
  if (offset >= bytes.size()) {
    return (data.code() == ENXIO && hole.code() == ENXIO) || fail("seek beyond the end");
  }
  // What is reported as a hole must be zeros, and some hole must be found.
  const std::uint64_t first_data = data.ok() ? *data : bytes.size();
  if (!data.ok() && data.code() != ENXIO) return fail("SEEK_DATA: " + data.error().describe());
  if (!hole.ok() || *hole < offset || *hole > bytes.size()) return fail("SEEK_HOLE");
  if (first_data < offset) return fail("SEEK_DATA went back");
  const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  const auto to = bytes.begin() + static_cast<std::ptrdiff_t>(first_data);
  return std::all_of(from, to, [](std::byte b) { return b == kZero; }) ||
         fail("SEEK_DATA passed over data");
}

bool Player::copy() {
  const Reference from = pick_file();
  const Reference to = pick_file();
  if (!from || !to || from == to) return true;
  const std::uint64_t offset = random_.below(from->bytes.size() + 1);
  const std::uint64_t to_offset = random_.below(to->bytes.size() + 1);
  const std::uint64_t length = 1 + random_.below(20'000);
  const std::uint64_t count = std::min<std::uint64_t>(length, from->bytes.size() - offset);
  if (to_offset + count > options_.max_file) return true;
  const auto begin = from->bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  const std::vector<std::byte> bytes(begin, begin + static_cast<std::ptrdiff_t>(count));
  const auto copied = volume_->copy_range(from->node, offset, to->node, to_offset, length);
  if (!agrees("copy_range", copied.code(), 0)) return false;
  if (!copied.ok()) return adopt(*to, to_offset, bytes);
  if (*copied != count) return fail("copy_range copied " + std::to_string(*copied));
  auto& content = to->bytes;
  content.resize(std::max<std::size_t>(content.size(), to_offset + count));
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(to_offset));
  return true;
}

}  // namespace spindle::test
