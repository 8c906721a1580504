// A random workload on the journal, with a model of what must be found after a crash.
//
// Several user-space threads edit "files": each has a record in an inode-table block that all
// share, metadata blocks of its own, and blocks of data. Every transaction also counts itself in
// the state block, so that what a crash leaves says which prefix of transactions it is. Data is
// words of (life of the block, version): after a crash each word must be of the right life, and no
// older than what was ordered by that prefix, or synced.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "journal_test_volume.h"
#include "spindle/base/random.h"
#include "spindle/device/recording_device.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/thread.h"
#include "support/suspending_device.h"

namespace spindle::test {

using Payload = std::shared_ptr<const std::vector<std::byte>>;

/// What must be on the disk once a given number of transactions is durable.
struct Snapshot {
  struct Meta {
    format::BlockKind kind{};
    Payload payload;
  };
  struct Data {
    std::uint32_t life = 0;
    std::uint32_t version = 0;  ///< or newer
  };
  std::map<BlockNo, Meta> meta;
  std::map<BlockNo, Data> data;
};

/// Something that was promised when so many events had been recorded.
struct Promise {
  std::size_t events = 0;
  std::size_t transactions = 0;  ///< how many are durable
  std::map<BlockNo, Snapshot::Data> data;
};

struct WorkloadOptions {
  VolumeOptions volume;
  Journal::Options journal;
  std::size_t cache_blocks = 1024;
  unsigned threads = 3;
  unsigned steps = 25;   ///< of each thread
  unsigned blocks = 40;  ///< that files may own in all
};

class Workload {
 public:
  Workload(BufferCache& cache, Journal& journal, const format::Layout& layout,
           const RecordingDevice& recording, const WorkloadOptions& options, std::uint64_t seed);

  /// Runs all threads to their ends. Errors of the journal end them early.
  void run();

  [[nodiscard]] const std::vector<Snapshot>& snapshots() const { return snapshots_; }
  [[nodiscard]] const std::vector<Promise>& promises() const { return promises_; }
  static Snapshot first_snapshot(const format::Layout& layout);

 private:
  static constexpr std::size_t kFiles = 6;
  static constexpr std::size_t kRecordSize = 64;
  struct File {
    thread::Mutex mutex;
    InodeNo number;
    std::set<BlockNo> meta;
    std::map<BlockNo, Snapshot::Data> data;
    EpochNo last_change;
    std::size_t last_transaction = 0;
  };
  /// One transaction under way, and what it does to the model if it commits.
  struct Step {
    Transaction tx;
    File& file;
    Random& random;
    std::vector<std::function<void(Snapshot&)>> effects;
    std::vector<BlockNo> taken;
    std::vector<BlockNo> freed;
  };

  void run_thread(std::uint64_t seed);
  bool transaction(Random& random);
  bool act(Step& step);
  bool commit(Step& step);
  void drop(Step step);
  bool promise(Random& random);
  bool edit_record(Step& step);
  bool add_counters(Step& step);
  bool create_meta(Step& step);
  bool edit_meta(Step& step);
  bool free_block(Step& step);
  bool add_data(Step& step);
  bool overwrite_data(Step& step);
  bool write_words(BlockNo block, const Snapshot::Data& data, InodeNo owner, bool is_new);
  BlockNo take(Step& step);
  [[nodiscard]] BlockNo record_block() const { return layout_.inode_table(GroupNo{0}).start; }
  static void change(Snapshot& snapshot, BlockNo block,
                     const std::function<void(std::span<std::byte>)>& edit);

  BufferCache& cache_;
  Journal& journal_;
  const format::Layout& layout_;
  const RecordingDevice& recording_;
  WorkloadOptions options_;
  std::uint64_t seed_;
  std::array<File, kFiles> files_;
  std::set<BlockNo> free_;
  std::vector<std::pair<EpochNo, BlockNo>> freed_;  ///< reusable once that epoch is durable
  std::vector<Snapshot> snapshots_;
  std::vector<Promise> promises_;
  std::uint32_t lives_ = 0;
};

}  // namespace spindle::test
