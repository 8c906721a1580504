// Player: makes random operations on one directory of a volume and on a reference alike, and says
// where they differ. Several players in directories of their own may run at once.
#pragma once

#include "reference.h"
#include "spindle/base/random.h"
#include "spindle/fs/file_system.h"

namespace spindle::test {

class Player {
 public:
  struct Options {
    std::uint64_t max_file = 150'000;  ///< bytes
    bool may_run_full = false;         ///< ENOSPC may come at any time
    bool converts = true;              ///< changes strategies
  };
  /// `top`: a directory of its own, and empty.
  Player(FileSystem& volume, Reference top, std::uint64_t seed, Options options);

  /// Makes one operation. False: see `error`.
  bool step();
  /// Compares everything. False: see `error`.
  bool compare();
  /// To be called when the volume was mounted anew.
  void remounted(FileSystem& volume, NodeId top);
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const Reference& top() const { return top_; }
  /// Deletes every file.
  bool clear();
  /// Lets go of the deleted file that is kept open, if there is one.
  void drop_held();
  [[nodiscard]] std::uint64_t held() const { return held_ ? 1 : 0; }

 private:
  struct Picked {
    Reference directory;
    std::string name;
    Reference node;  ///< may be null
  };

  Picked pick();
  Reference pick_directory();
  Reference pick_file();
  bool fail(const std::string& what);
  /// Whether the volume answered as it should. On a volume that may run full it may always answer
  /// ENOSPC, but then nothing must have happened.
  bool agrees(const char* operation, int got, int expected);
  void forget(const Reference& node);
  void drop_name(const Reference& node);

  bool make_file();
  bool make_directory();
  bool make_symlink();
  bool make_temporary();
  bool remove();
  bool link();
  bool rename();
  bool write();
  bool read();
  bool truncate();
  bool allocate();
  bool change_range(std::uint64_t offset, std::uint64_t length, int mode);
  bool seek();
  bool copy();
  bool set_attribute();
  bool change_mode();
  bool convert();
  bool rearrange();
  bool sync();
  /// After a write that failed for lack of space: takes over what the volume has, if the write may
  /// have left that.
  bool adopt(ReferenceNode& file, std::uint64_t offset, const std::vector<std::byte>& written);

  FileSystem* volume_;
  Reference top_;
  Reference held_;  ///< a file without a name
  Random random_;
  Options options_;
  std::string error_;
  std::string last_;
};

}  // namespace spindle::test
