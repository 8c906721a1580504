#include "workload.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <span>

#include "spindle/thread/thread.h"

namespace spindle::test {
namespace {

constexpr std::uint64_t kMaxFile = 24'000;
/// Directories stand in at most so many others.
constexpr std::ptrdiff_t kMostLevels = 2;

constexpr const char* kAttribute = "user.test";

/// What is changed in one transaction with others of its kind, and so in their order.
struct Line {
  std::uint32_t id = 0;
  bool is_directory = false;
  std::uint64_t links = 0;
  std::uint32_t permissions = 0;
  std::size_t attribute_size = 0;
};

std::string line_of(const std::string& name, const Line& line) {
  return name + " " + std::to_string(line.id) + (line.is_directory ? " d " : " f ") +
         std::to_string(line.links) + " " + std::to_string(line.permissions) + " " +
         std::to_string(line.attribute_size) + "\n";
}

Result<std::size_t> attribute_size(FileSystem& volume, NodeId node) {
  const auto value = volume.get_xattr(node, kAttribute);
  if (value.code() == ENODATA) return 0;
  return TRY(value).size();
}

Result<std::vector<std::byte>> try_to_read(FileSystem& volume, NodeId node) {
  const std::uint64_t size = TRY(volume.attributes(node)).size;
  std::vector<std::byte> bytes;
  TRY(volume.read(node, 0, 0, size, [&](auto pieces) {
    for (const auto& piece : pieces) bytes.insert(bytes.end(), piece.begin(), piece.end());
  }));
  return bytes;
}

/// All paths below a directory, whose own path ends with a slash, or is empty for the root.
Result<> collect_names(FileSystem& volume, NodeId directory, const std::string& path,
                       std::map<std::string, NodeId>& into) {
  std::map<std::string, NodeId> names;
  TRY(volume.read_directory(directory, 0, [&](const DirectoryItem& item) {
    if (!item.name.starts_with('.') && item.name != "lost+found")
      names.emplace(item.name, item.node);
    return true;
  }));
  for (const auto& [name, node] : names) {
    into.emplace(path + name, node);
    if (S_ISDIR(TRY(volume.attributes(node)).mode))
      TRY(collect_names(volume, node, path + name + "/", into));
  }
  return {};
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

}  // namespace

Shown show(FileSystem& volume) {
  return must(try_to_show(volume));
}

Result<Shown> try_to_show(FileSystem& volume) {
  Shown shown;
  std::map<std::string, NodeId> paths;
  TRY(collect_names(volume, kRootNode, "", paths));
  for (const auto& [path, node] : paths) {
    const Attributes file = TRY(volume.attributes(node));
    shown.names += line_of(path, {.id = file.uid,
                                  .is_directory = S_ISDIR(file.mode),
                                  .links = file.links,
                                  .permissions = file.mode & 0777,
                                  .attribute_size = TRY(attribute_size(volume, node))});
    if (S_ISREG(file.mode)) shown.contents[file.uid] = TRY(try_to_read(volume, node));
  }
  return shown;
}

Workload::Workload(FileSystem& volume, const RecordingDevice& device, History& history,
                   std::uint64_t seed, Options options)
    : volume_(volume), device_(device), history_(history), random_(seed), options_(options) {}

bool Workload::went(const Result<>& result) {
  if (!options_.may_fail) must(result);
  if (result.ok()) return true;
  failed_ = true;
  ++failures_;
  last_error_ = result.code();
  return false;
}

std::string Workload::compare(const Shown& shown) const {
  if (shown.names != names()) return "names:\n" + shown.names + "instead of\n" + names();
  for (const auto& [name, file] : files_) {
    if (file->is_directory || !file->is_known || shown.contents.at(file->id) == file->content)
      continue;
    return "another content of file " + std::to_string(file->id);
  }
  return "";
}

void Workload::after_failure() {
  const auto shown = try_to_show(volume_);
  if (!shown.ok()) return;
  if (shown->names != names()) {
    error_ = "an operation failed with " + std::to_string(last_error_) + ", and left\n" +
             shown->names + "instead of\n" + names();
  }
}

void Workload::adopt(File& file) {
  auto content = try_to_read(volume_, file.node);
  file.is_known = content.ok();
  if (content.ok()) set_content(file, std::move(content).take());
}

void Workload::promise_all() {
  history_.names_durable(device_.events(), history_.running());
  for (const auto& [name, file] : files_) {
    if (!file->is_directory && file->is_known) history_.file_durable(device_.events(), file->id);
  }
}

bool Workload::has_other_name(const FileRef& file) const {
  return std::ranges::count(files_, file, [](const auto& entry) { return entry.second; }) > 1;
}

std::string Workload::names() const {
  std::string text;
  for (const auto& [path, file] : files_) {
    text += line_of(path, {.id = file->id,
                           .is_directory = file->is_directory,
                           .links = links_of(path, file),
                           .permissions = file->permissions,
                           .attribute_size = file->attribute_size});
  }
  return text;
}

std::uint64_t Workload::links_of(const std::string& path, const FileRef& file) const {
  const auto count = std::ranges::count_if(files_, [&](const auto& entry) {
    const auto& [other, there] = entry;
    if (!file->is_directory) return there == file;
    return there->is_directory && is_below(other, path) &&
           other.find('/', path.size() + 1) == std::string::npos;
  });
  return static_cast<std::uint64_t>(count) + (file->is_directory ? 2 : 0);
}

bool Workload::is_empty(const std::string& path) const {
  return std::ranges::none_of(files_, [&](const auto& e) { return is_below(e.first, path); });
}

Workload::Place Workload::place_of(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {kRootNode, path};
  return {files_.at(path.substr(0, slash))->node, path.substr(slash + 1)};
}

Workload::FileRef Workload::pick() {
  std::vector<FileRef> found;
  for (const auto& [name, file] : files_)
    if (!file->is_directory) found.push_back(file);
  return found.empty() ? nullptr : found[random_.below(found.size())];
}

Workload::FileRef Workload::pick_any() {
  if (files_.empty()) return nullptr;
  return std::next(files_.begin(), static_cast<std::ptrdiff_t>(random_.below(files_.size())))
      ->second;
}

std::string Workload::pick_path() {
  std::vector<std::string> directories;
  for (const auto& [path, file] : files_)
    if (file->is_directory && std::ranges::count(path, '/') < kMostLevels)
      directories.push_back(path);
  const std::string top = "n" + std::to_string(random_.below(8));
  if (directories.empty() || random_.one_in(2)) return top;
  return directories[random_.below(directories.size())] + "/" + top;
}

void Workload::set_content(File& file, std::vector<std::byte> content) {
  file.content = std::move(content);
  history_.wrote(file.id, file.content);
}

void Workload::create() {
  const std::string path = pick_path();
  if (files_.contains(path)) return;
  const auto [directory, name] = place_of(path);
  auto file = std::make_shared<File>();
  file->id = ++last_id_;
  file->changed = history_.running();
  file->is_directory = random_.one_in(5);
  const Caller caller{.uid = file->id};
  if (!file->is_directory) history_.wrote(file->id, {});
  const bool is_nameless = !file->is_directory && random_.one_in(3);
  const auto made = is_nameless          ? volume_.temporary_file(caller, directory, 0644)
                    : file->is_directory ? volume_.make_directory(caller, directory, name, 0755)
                                         : volume_.create(caller, directory, name, 0644);
  if (!went(made.ok() ? Result<>() : made.error())) return;
  file->permissions = file->is_directory ? 0755 : 0644;
  file->node = made->node;
  if (!is_nameless) {
    files_[path] = file;
    return;
  }
  write_to(*file, 0, bytes_of(random_(), 1 + random_.below(3000)));
  const auto linked = volume_.link(file->node, directory, name);
  if (went(linked.ok() ? Result<>() : linked.error())) files_[path] = file;
}

void Workload::remove() {
  const std::string path = pick_path();
  const auto found = files_.find(path);
  if (found == files_.end() || !is_empty(path)) return;
  const auto [directory, name] = place_of(path);
  const FileRef file = found->second;
  if (!went(file->is_directory ? volume_.remove_directory(directory, name)
                               : volume_.unlink(directory, name)))
    return;
  files_.erase(found);
  file->changed = history_.running();
  // Some deleted files stay open until the cut.
  if (!has_other_name(file) && random_.one_in(2)) volume_.forget(file->node, 100);
}

void Workload::rename() {
  const std::string from = pick_path();
  const std::string to = pick_path();
  const auto source = files_.find(from);
  if (source == files_.end() || from == to || is_below(to, from) || is_below(from, to)) return;
  const auto target = files_.find(to);
  const FileRef there = target == files_.end() ? nullptr : target->second;
  const FileRef moved = source->second;
  const bool exchanges = there && random_.one_in(3);
  const bool replaces = there && !exchanges;
  if (replaces && (there->is_directory != moved->is_directory || !is_empty(to))) return;
  const auto [from_directory, from_name] = place_of(from);
  const auto [to_directory, to_name] = place_of(to);
  const unsigned flags = exchanges ? kRenameExchange : 0u;
  if (!went(volume_.rename({}, from_directory, from_name, to_directory, to_name, flags))) return;
  if (moved == there) return;
  moved->changed = history_.running();
  if (there) there->changed = history_.running();
  auto moved_tree = take_tree(from);
  auto tree_there = take_tree(to);
  put_tree(to, std::move(moved_tree));
  if (exchanges) put_tree(from, std::move(tree_there));
}

// Paths are kept without that of the tree itself.
Workload::Files Workload::take_tree(const std::string& path) {
  Files taken;
  for (auto at = files_.lower_bound(path); at != files_.end() && at->first.starts_with(path);) {
    const bool belongs = at->first == path || is_below(at->first, path);
    if (belongs) taken[at->first.substr(path.size())] = at->second;
    at = belongs ? files_.erase(at) : std::next(at);
  }
  return taken;
}

void Workload::put_tree(const std::string& path, Files tree) {
  for (auto& [below, file] : tree) files_[path + below] = std::move(file);
}

void Workload::link() {
  const FileRef file = pick();
  const std::string path = pick_path();
  if (!file || files_.contains(path)) return;
  const auto [directory, name] = place_of(path);
  const auto linked = volume_.link(file->node, directory, name);
  if (!went(linked.ok() ? Result<>() : linked.error())) return;
  file->changed = history_.running();
  files_[path] = file;
}

void Workload::write() {
  const FileRef file = pick();
  if (!file) return;
  const std::size_t old_size = file->content.size();
  const std::uint64_t offset = random_.one_in(2) ? old_size : random_.below(old_size + 3000);
  const auto bytes = bytes_of(random_(), 1 + random_.below(random_.one_in(3) ? 9000 : 1500));
  if (offset + bytes.size() <= kMaxFile) write_to(*file, offset, bytes);
}

void Workload::write_to(File& file, std::uint64_t offset, const std::vector<std::byte>& bytes) {
  expect_bytes(file, offset, bytes);
  const auto written = volume_.write(file.node, 0, offset, bytes, Setuid::kKeep);
  if (!went(written.ok() ? Result<>() : written.error()) || *written != bytes.size()) adopt(file);
}

void Workload::expect_bytes(File& file, std::uint64_t offset, std::span<const std::byte> bytes) {
  auto content = file.content;
  content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()));
  std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
  set_content(file, std::move(content));
}

void Workload::copy() {
  const FileRef from = pick();
  const FileRef to = pick();
  if (!from || from == to || from->content.empty()) return;
  const std::uint64_t begin = random_.below(from->content.size());
  const std::uint64_t size = 1 + random_.below(from->content.size() - begin);
  const std::uint64_t offset = random_.below(to->content.size() + 2000);
  if (offset + size > kMaxFile) return;
  const auto bytes = std::span(from->content).subspan(begin, size);
  expect_bytes(*to, offset, bytes);
  const auto copied = volume_.copy_range(from->node, begin, to->node, offset, size);
  if (!went(copied.ok() ? Result<>() : copied.error()) || *copied != size) adopt(*to);
}

void Workload::change_attributes() {
  const FileRef file = pick_any();
  if (!file) return;
  if (random_.one_in(3)) {
    AttributeChange change;
    change.mode = true;
    change.to.mode = static_cast<std::uint32_t>(random_.below(0777));
    const auto changed = volume_.set_attributes({}, file->node, change);
    if (!went(changed.ok() ? Result<>() : changed.error())) return;
    file->permissions = change.to.mode;
  } else if (file->attribute_size != 0 && random_.one_in(3)) {
    if (!went(volume_.remove_xattr({}, file->node, kAttribute))) return;
    file->attribute_size = 0;
  } else {
    const auto value = bytes_of(random_(), 1 + random_.below(2500));
    if (!went(volume_.set_xattr({}, file->node, kAttribute, value, 0))) return;
    file->attribute_size = value.size();
  }
  file->changed = history_.running();
}

void Workload::truncate() {
  const FileRef file = pick();
  if (!file) return;
  AttributeChange change;
  change.size = true;
  change.to.size = random_.below(kMaxFile / 2);
  auto content = file->content;
  content.resize(change.to.size);
  set_content(*file, std::move(content));
  const auto changed = volume_.set_attributes({}, file->node, change);
  if (!went(changed.ok() ? Result<>() : changed.error())) adopt(*file);
}

void Workload::allocate() {
  const FileRef file = pick();
  if (!file || file->content.empty()) return;
  const std::uint64_t unit = volume_.layout().block_size;
  const std::uint64_t size = file->content.size();
  auto content = file->content;
  const auto at = [&](std::uint64_t offset) {
    return content.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  const std::uint64_t from = random_.below(size) / unit * unit;
  Result<> done;
  if (random_.one_in(3)) {
    const std::uint64_t end = std::min(size, from + 1 + random_.below(5000));
    std::fill(at(from), at(end), std::byte{0});
    set_content(*file, content);
    done = volume_.allocate({}, file->node, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from,
                            end - from);
  } else if (random_.one_in(2) && from + unit < size) {
    content.erase(at(from), at(from + unit));
    set_content(*file, content);
    done = volume_.allocate({}, file->node, FALLOC_FL_COLLAPSE_RANGE, from, unit);
  } else {
    done = volume_.allocate({}, file->node, FALLOC_FL_KEEP_SIZE, size, 3 * unit);
  }
  if (!went(done)) adopt(*file);
}

void Workload::convert() {
  const FileRef file = pick();
  if (!file) return;
  const auto maps = all_file_maps();
  const std::string_view name = maps[random_.below(maps.size())]->name();
  went(volume_.set_xattr({}, file->node, "user.spindle.alloc", std::as_bytes(std::span(name)), 0));
}

void Workload::rearrange() {
  const FileRef file = pick();
  if (!file) return;
  using Arrangement = FileSystem::Arrangement;
  const auto moved =
      volume_.rearrange(file->node, Arrangement{static_cast<std::uint8_t>(random_.below(4))});
  went(moved.ok() ? Result<>() : moved.error());
}

// As the kernel does where memory is short; it asks for the file again by its number.
void Workload::forget() {
  if (const FileRef file = pick_any()) volume_.forget(file->node, 100);
}

void Workload::sync() {
  if (random_.one_in(3)) {
    if (went(volume_.sync_all())) promise_all();
    return;
  }
  const FileRef file = pick();
  if (!file) return;
  if (!went(volume_.sync(file->node, SyncOf::kFile))) return;
  history_.names_durable(device_.events(), file->changed);
  if (file->is_known) history_.file_durable(device_.events(), file->id);
}

void Workload::step() {
  switch (random_.below(22)) {
    case 0:
    case 1:
    case 2:
      return create();
    case 3:
      return remove();
    case 4:
      return rename();
    case 5:
      return link();
    case 6:
    case 7:
    case 8:
    case 9:
      return write();
    case 10:
      return truncate();
    case 11:
      return allocate();
    case 12:
      return random_.one_in(2) ? convert() : rearrange();
    case 13:
    case 14:
      return forget();
    case 15:
    case 16:
      return change_attributes();
    case 17:
      return copy();
    default:
      return sync();
  }
}

void Workload::run(int operations) {
  history_.begin(0);
  history_.end(names());
  for (int i = 0; i < operations; ++i) {
    history_.begin(device_.events());
    failed_ = false;
    step();
    if (options_.sync && !failed_) promise_all();
    if (failed_) after_failure();
    if (!error_.empty()) return;
    history_.end(names());
    thread::yield();  // to the threads that commit and write back
  }
}

}  // namespace spindle::test
