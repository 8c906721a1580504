// A workload on a recorded volume, and the history of what a power cut may leave of it.
//
// Changes of names and inodes become durable in their order: after a cut, the names are exactly
// those after one of the operations, no earlier than the last one known to be durable and no later
// than the last one that had begun. The content of a file that was not synced may be a mixture,
// byte by byte, of what it was since its last sync.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/mounted_volume.h"
#include "spindle/base/random.h"
#include "spindle/device/recording_device.h"

namespace spindle::test {

class History {
 public:
  /// An operation begins when that many events are in the recording; it gets the next number.
  void begin(std::size_t events);
  /// The operation has ended and the names are these. Called once for each `begin`.
  void end(std::string names);
  /// The file `id` has this content from the running operation on.
  void wrote(std::uint32_t id, std::vector<std::byte> content);
  /// From `events` on: all that the operations up to the running one did to names is durable.
  void names_durable(std::size_t events, std::size_t operation);
  /// From `events` on: the file's content is durable.
  void file_durable(std::size_t events, std::uint32_t id);
  [[nodiscard]] std::size_t running() const { return began_.size() - 1; }

  /// "" if these names may be found after a cut at `cut` events; otherwise why not.
  [[nodiscard]] std::string judge_names(std::size_t cut, const std::string& names) const;
  /// The same for a file's content.
  [[nodiscard]] std::string judge_content(std::size_t cut, std::uint32_t id,
                                          const std::vector<std::byte>& content) const;

 private:
  struct Version {
    std::size_t operation = 0;
    std::vector<std::byte> content;
  };
  struct Promise {
    std::size_t events = 0;
    std::size_t operation = 0;
  };
  struct File {
    std::vector<Version> versions;
    std::vector<Promise> durable;
  };
  static std::size_t promised(const std::vector<Promise>& promises, std::size_t cut);

  std::vector<std::size_t> began_;
  std::vector<std::string> names_;
  std::vector<Promise> durable_names_;
  std::map<std::uint32_t, File> files_;
};

/// What a mounted volume shows: its names, each with the id of its file (the owner's number), its
/// type, links, permissions and the size of an attribute; and the contents of the files by id.
struct Shown {
  std::string names;
  std::map<std::uint32_t, std::vector<std::byte>> contents;
};
Shown show(FileSystem& volume);
/// The same, of a volume that may fail to answer.
Result<Shown> try_to_show(FileSystem& volume);

/// Makes random operations on the volume and writes the history of them.
class Workload {
 public:
  struct Options {
    bool sync = false;      ///< the volume is mounted so: each operation is durable when it returns
    bool may_fail = false;  ///< operations may fail, and must then have done nothing
  };
  Workload(FileSystem& volume, const RecordingDevice& device, History& history, std::uint64_t seed,
           Options options);
  void run(int operations);

  /// With `may_fail`: how many operations failed, and with which error the last one did.
  [[nodiscard]] std::size_t failures() const { return failures_; }
  [[nodiscard]] int last_error() const { return last_error_; }
  /// What was wrong with a failure; "" if nothing.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// "" if the volume shows exactly the result of the operations that succeeded.
  [[nodiscard]] std::string compare(const Shown& shown) const;

 private:
  struct File {
    std::uint32_t id = 0;
    NodeId node = 0;
    std::vector<std::byte> content;
    std::uint32_t permissions = 0;
    std::size_t attribute_size = 0;
    std::size_t changed = 0;  // the last operation that changed its inode through a transaction
    bool is_directory = false;
    bool is_known = true;  // false: its content could not be read after a failure
  };
  using FileRef = std::shared_ptr<File>;
  using Files = std::map<std::string, FileRef>;  // by path
  struct Place {
    NodeId directory;
    std::string name;
  };

  void step();
  bool went(const Result<>& result);
  void after_failure();
  void promise_all();
  void create();
  void remove();
  void rename();
  void link();
  void write();
  void write_to(File& file, std::uint64_t offset, const std::vector<std::byte>& bytes);
  /// The file is to have these bytes there.
  void expect_bytes(File& file, std::uint64_t offset, std::span<const std::byte> bytes);
  void copy();
  void change_attributes();
  void truncate();
  void allocate();
  void convert();
  void rearrange();
  void forget();
  void sync();
  void set_content(File& file, std::vector<std::byte> content);
  /// A regular file; null if there is none.
  FileRef pick();
  /// A file or a directory; null if there is none.
  FileRef pick_any();
  /// A path in a directory that exists: of a file, of a directory, or free.
  std::string pick_path();
  [[nodiscard]] Place place_of(const std::string& path) const;
  [[nodiscard]] std::uint64_t links_of(const std::string& path, const FileRef& file) const;
  /// Nothing stands below the path.
  [[nodiscard]] bool is_empty(const std::string& path) const;
  Files take_tree(const std::string& path);
  void put_tree(const std::string& path, Files tree);
  [[nodiscard]] std::string names() const;
  /// The file as the volume has it, after a failure, which may have left it half changed.
  void adopt(File& file);
  [[nodiscard]] bool has_other_name(const FileRef& file) const;

  FileSystem& volume_;
  const RecordingDevice& device_;
  History& history_;
  Random random_;
  Files files_;
  std::uint32_t last_id_ = 1000;
  Options options_;
  bool failed_ = false;  // the running operation
  std::size_t failures_ = 0;
  int last_error_ = 0;
  std::string error_;
};

}  // namespace spindle::test
