#include "cli/volume/aging.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "spindle/base/random.h"
#include "spindle/thread/thread.h"

namespace spindle::cli {
namespace {

constexpr double kSizeMean = 9.48;  // of the logarithm of a file's size
constexpr double kSizeDeviation = 2.46;
constexpr double kPartMean = 9.7;  // of what a program writes at a time: 16 KiB, more or less
constexpr double kPartDeviation = 1.0;
constexpr std::size_t kMostOpen = 6;  // files that are written in turns
constexpr std::uint64_t kBytesADirectory = 4u << 20;
constexpr std::uint64_t kLargestShare = 24;  // no file is larger than that part of the volume
constexpr std::uint64_t kYoungShare = 8;     // the last so many of the files are young ones
constexpr std::size_t kContentBytes = 1u << 20;

struct AgedFile {
  NodeId directory = 0;
  NodeId node = 0;
  std::uint64_t number = 0;
  std::uint64_t size = 0;
  bool is_short_lived = false;

  [[nodiscard]] std::string name() const { return "f" + std::to_string(number); }
};

/// A file that is being written, in parts.
struct OpenFile {
  AgedFile file;
  std::uint64_t left = 0;
  bool is_new = false;
  std::uint64_t replaces = 0;  ///< the number of the file whose name it takes; 0: none
};

class Ager {
 public:
  Ager(FileSystem& volume, const AgingOptions& options, std::int64_t& clock_seconds)
      : volume_(volume), options_(options), clock_seconds_(clock_seconds), random_(options.seed) {}

  Result<AgingReport> run(const std::function<bool(std::uint64_t)>& told) {
    TRY(prepare());
    const std::int64_t began = clock_seconds_;
    for (std::uint64_t day = 0; day < options_.days; ++day) {
      clock_seconds_ = began + static_cast<std::int64_t>(day + 1) * kSecondsADay;
      if (!TRY(live_day(day, told))) break;
      ++report_.days;
    }
    return report_;
  }

 private:
  Result<> prepare() {
    const Space space = TRY(volume_.space());
    capacity_ = space.blocks * space.block_size;
    used_at_first_ = TRY(used());
    content_.resize(kContentBytes);
    for (std::byte& byte : content_) byte = static_cast<std::byte>(random_() >> 56);
    const NodeId top = TRY(make_top());
    const std::uint64_t count = std::clamp<std::uint64_t>(capacity_ / kBytesADirectory, 4, 512);
    directories_.push_back(top);
    for (std::uint64_t i = 1; i <= count; ++i) TRY(make_directory(i));
    return {};
  }

  Result<NodeId> make_top() {
    for (std::uint64_t i = 1;; ++i) {
      report_.directory = i == 1 ? "aged" : "aged-" + std::to_string(i);
      const auto made = volume_.make_directory(options_.owner, kRootNode, report_.directory, 0755);
      if (made.ok()) return made->node;
      if (made.code() != EEXIST) return made.error();
    }
  }

  Result<> make_directory(std::uint64_t number) {
    const NodeId parent = directories_[random_.below(directories_.size())];
    const Attributes made =
        TRY(volume_.make_directory(options_.owner, parent, "d" + std::to_string(number), 0755));
    directories_.push_back(made.node);
    if (options_.strategy.empty()) return {};
    const auto maps = all_file_maps();
    const std::string_view strategy =
        options_.strategy == "mix" ? maps[number % maps.size()]->name() : options_.strategy;
    return volume_.set_xattr(options_.owner, made.node, "user.spindle.alloc",
                             std::as_bytes(std::span(strategy)), 0);
  }

  Result<std::uint64_t> used() {
    const Space space = TRY(volume_.space());
    return (space.blocks - space.free_blocks) * space.block_size;
  }

  /// False: it was asked to stop.
  Result<bool> live_day(std::uint64_t day, const std::function<bool(std::uint64_t)>& told) {
    choose_working_directories();
    const double growth =
        std::min(1.0, 2.0 * static_cast<double>(day + 1) / static_cast<double>(options_.days));
    const double goal = static_cast<double>(capacity_) * options_.fill_percent / 100;
    const double at_first = static_cast<double>(used_at_first_);
    target_ = static_cast<std::uint64_t>(std::max(at_first, at_first + growth * (goal - at_first)));
    const auto today =
        static_cast<std::uint64_t>(static_cast<double>(capacity_) * options_.churn_percent / 100);
    for (written_today_ = 0; written_today_ < today;) {
      TRY(do_something());
      const std::uint64_t done =
          1000 * std::min(written_today_, today) / std::max<std::uint64_t>(today, 1);
      if (!told(1000 * day + done)) return false;
    }
    TRY(end_day());
    return told(1000 * (day + 1));
  }

  Result<> end_day() {
    while (!open_.empty()) TRY(write_part(0));
    for (std::size_t i = files_.size(); i-- > 0;)
      if (files_[i].is_short_lived) TRY(remove(i));
    TRY(keep_to_target());
    return volume_.sync_all();
  }

  void choose_working_directories() {
    working_.clear();
    const std::size_t count = 1 + directories_.size() / 8;
    for (std::size_t i = 0; i < count; ++i)
      working_.push_back(directories_[1 + random_.below(directories_.size() - 1)]);
  }

  Result<> do_something() {
    if (open_.size() < kMostOpen) TRY(open_one());
    if (!open_.empty()) TRY(write_part(random_.below(open_.size())));
    return keep_to_target();
  }

  Result<> open_one() {
    const std::uint64_t choice = random_.below(100);
    if (choice < 60 || files_.empty()) return create(choice < 25, 0);
    if (choice < 88) return append();
    // What is replaced has its place in the list until the new one is complete.
    return create(false, files_[pick()].number);
  }

  Result<> create(bool is_short_lived, std::uint64_t replaces) {
    OpenFile made;
    made.file.number = ++last_number_;
    made.file.directory = working_[random_.below(working_.size())];
    if (replaces != 0) made.file.directory = find(replaces)->directory;
    made.file.is_short_lived = is_short_lived;
    made.left = lognormal(kSizeMean, kSizeDeviation, capacity_ / kLargestShare);
    made.is_new = true;
    made.replaces = replaces;
    const auto created =
        volume_.create(options_.owner, made.file.directory, made.file.name(), 0644);
    if (created.code() == ENOSPC) return refuse(made.left);
    made.file.node = TRY(created).node;
    volume_.forget(made.file.node, 1);
    open_.push_back(made);
    return {};
  }

  Result<> append() {
    const AgedFile& file = files_[pick()];
    const auto is_it = [&](const OpenFile& other) { return other.file.number == file.number; };
    if (std::ranges::any_of(open_, is_it)) return {};
    ++report_.appended;
    open_.push_back(
        {.file = file, .left = lognormal(kPartMean, kPartDeviation, capacity_ / kLargestShare)});
    return {};
  }

  /// Writes the next part of an open file, and closes it if that was the last.
  Result<> write_part(std::size_t at) {
    OpenFile& open = open_[at];
    const std::uint64_t size =
        std::min({open.left, lognormal(kPartMean, kPartDeviation, kContentBytes / 2)});
    const std::size_t from = (open.file.number * 4099 + open.file.size) % (kContentBytes / 2);
    const auto written = volume_.write(open.file.node, 0, open.file.size,
                                       std::span(content_).subspan(from, size), Setuid::kKeep);
    written_today_ += size;
    if (written.code() == ENOSPC || written.code() == EFBIG) {
      ++report_.refused;
      return close(at, false);
    }
    TRY(written);
    report_.written_bytes += size;
    open.file.size += size;
    open.left -= size;
    return open.left == 0 ? close(at, true) : Result<>{};
  }

  Result<> close(std::size_t at, bool is_complete) {
    const OpenFile open = open_[at];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at));
    if (!open.is_new) {
      if (const auto file = find(open.file.number); file != files_.end())
        file->size = open.file.size;
      return {};
    }
    if (!is_complete) return unlink(open.file);
    const auto old = find(open.replaces);
    if (open.replaces == 0 || old == files_.end()) {
      ++report_.created;
      files_.push_back(open.file);
      return {};
    }
    TRY(volume_.rename(options_.owner, open.file.directory, open.file.name(), old->directory,
                       old->name(), 0));
    ++report_.replaced;
    close_all(*old);
    old->node = open.file.node;
    old->size = open.file.size;
    return wait_for_deletion();
  }

  Result<> keep_to_target() {
    while (!files_.empty() && TRY(used()) > target_) {
      const std::size_t young = std::max<std::size_t>(1, files_.size() / kYoungShare);
      TRY(remove(random_.one_in(2) ? files_.size() - 1 - random_.below(young) : pick()));
    }
    return {};
  }

  Result<> remove(std::size_t at) {
    const AgedFile file = files_[at];
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(at));
    close_all(file);
    ++report_.deleted;
    return unlink(file);
  }

  void close_all(const AgedFile& file) {
    std::erase_if(open_, [&](const OpenFile& open) { return open.file.number == file.number; });
  }

  Result<> unlink(const AgedFile& file) {
    TRY(volume_.unlink(file.directory, file.name()));
    return wait_for_deletion();
  }

  /// So that what is free next is the same every time.
  Result<> wait_for_deletion() {
    while (volume_.statistics().nameless_nodes != 0) {
      if (volume_.failure()) return *volume_.failure();
      thread::yield();
    }
    return {};
  }

  Result<> refuse(std::uint64_t bytes) {
    ++report_.refused;
    written_today_ += bytes;
    return files_.empty() ? Result<>{} : remove(pick());
  }

  std::size_t pick() { return random_.below(files_.size()); }

  std::vector<AgedFile>::iterator find(std::uint64_t number) {
    return std::ranges::find(files_, number, &AgedFile::number);
  }

  /// At least 1, at most `most`.
  std::uint64_t lognormal(double mean, double deviation, std::uint64_t most) {
    const double radius = std::sqrt(-2 * std::log(1 - random_.unit()));
    const double normal = radius * std::cos(2 * std::numbers::pi * random_.unit());
    const double value = std::exp(mean + deviation * normal);
    return static_cast<std::uint64_t>(std::clamp(value, 1.0, static_cast<double>(most)));
  }

  FileSystem& volume_;
  const AgingOptions& options_;
  std::int64_t& clock_seconds_;
  Random random_;
  AgingReport report_;
  std::uint64_t capacity_ = 0;
  std::uint64_t used_at_first_ = 0;
  std::uint64_t target_ = 0;  ///< how many blocks shall be in use today
  std::uint64_t written_today_ = 0;
  std::uint64_t last_number_ = 0;
  std::vector<std::byte> content_;
  std::vector<NodeId> directories_;  ///< the first is the one above all others
  std::vector<NodeId> working_;
  std::vector<AgedFile> files_;  ///< the oldest first
  std::vector<OpenFile> open_;
};

}  // namespace

Result<AgingReport> age(FileSystem& volume, const AgingOptions& options,
                        std::int64_t& clock_seconds,
                        const std::function<bool(std::uint64_t)>& told) {
  return Ager(volume, options, clock_seconds).run(told);
}

}  // namespace spindle::cli
