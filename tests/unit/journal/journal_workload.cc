#include "journal_workload.h"

#include <algorithm>

namespace spindle::test {

using format::BlockKind;
using format::kHeaderSize;

namespace {

template <class Container>
auto pick(Container& from, Random& random) {
  return std::next(from.begin(), static_cast<std::ptrdiff_t>(random.below(from.size())));
}

std::uint64_t word_of(const Snapshot::Data& data) {
  return std::uint64_t{data.life} << 32 | data.version;
}

Payload zeros(const format::Layout& layout) {
  return std::make_shared<std::vector<std::byte>>(layout.block_size);
}

}  // namespace

Snapshot Workload::first_snapshot(const format::Layout& layout) {
  Snapshot snapshot;
  const auto add = [&](BlockNo block, BlockKind kind) {
    snapshot.meta[block] = {kind, zeros(layout)};
  };
  add(layout.state(), BlockKind::kState);
  add(layout.group_table().start, BlockKind::kGroupTable);
  add(layout.block_bitmap(GroupNo{0}).start, BlockKind::kBlockBitmap);
  add(layout.inode_table(GroupNo{0}).start, BlockKind::kInodeTable);
  return snapshot;
}

Workload::Workload(BufferCache& cache, Journal& journal, const format::Layout& layout,
                   const RecordingDevice& recording, const WorkloadOptions& options,
                   std::uint64_t seed)
    : cache_(cache),
      journal_(journal),
      layout_(layout),
      recording_(recording),
      options_(options),
      seed_(seed) {
  snapshots_.push_back(first_snapshot(layout));
  for (std::size_t i = 0; i < kFiles; ++i) files_[i].number = InodeNo{i + 1};
  const Run data = layout.data(GroupNo{0});
  for (std::uint64_t i = 0; i < options.blocks; ++i) free_.insert(data.start + i);
  journal_.on_durable([this](EpochNo epoch) {
    std::erase_if(freed_, [&](const auto& entry) {
      if (entry.first <= epoch) free_.insert(entry.second);
      return entry.first <= epoch;
    });
  });
}

void Workload::run() {
  std::vector<thread::Thread> threads;
  for (unsigned i = 0; i < options_.threads; ++i) {
    threads.push_back(thread::spawn("user", [this, i] { run_thread(seed_ * 1000 + i); }));
  }
  for (auto& t : threads) t.join().take();
}

void Workload::run_thread(std::uint64_t seed) {
  Random random(seed);
  for (unsigned step = 0; step < options_.steps; ++step) {
    if (!transaction(random)) return;
    if (random.one_in(3) && !promise(random)) return;
    if (random.one_in(6)) thread::yield();
  }
}

bool Workload::transaction(Random& random) {
  auto tx = journal_.begin(std::min<std::size_t>(12 * 1024, journal_.largest_transaction()));
  if (!tx.ok()) return false;
  File& file = *pick(files_, random);
  const std::scoped_lock lock(file.mutex);
  Step step{std::move(*tx), file, random, {}, {}, {}};
  for (std::uint64_t n = 1 + random.below(5); n > 0; --n) {
    if (!act(step)) {
      drop(std::move(step));
      return false;
    }
  }
  if (random.one_in(10)) {
    drop(std::move(step));
    return true;
  }
  return commit(step);
}

bool Workload::act(Step& step) {
  switch (step.random.below(7)) {
    case 0:
      return edit_record(step);
    case 1:
      return add_counters(step);
    case 2:
      return create_meta(step);
    case 3:
      return edit_meta(step);
    case 4:
      return free_block(step);
    case 5:
      return add_data(step);
    default:
      return overwrite_data(step);
  }
}

void Workload::change(Snapshot& snapshot, BlockNo block,
                      const std::function<void(std::span<std::byte>)>& edit) {
  auto copy = std::make_shared<std::vector<std::byte>>(*snapshot.meta.at(block).payload);
  edit(*copy);
  snapshot.meta.at(block).payload = std::move(copy);
}

bool Workload::commit(Step& step) {
  if (!step.tx.add(layout_.state(), BlockKind::kState, kHeaderSize, 1).ok()) {
    drop(std::move(step));
    return false;
  }
  Snapshot next = snapshots_.back();
  change(next, layout_.state(),
         [](std::span<std::byte> bytes) { format::at<le32>(bytes, kHeaderSize) += 1u; });
  for (const auto& effect : step.effects) effect(next);
  const EpochNo epoch = step.tx.commit();
  for (BlockNo block : step.freed) freed_.emplace_back(epoch, block);
  snapshots_.push_back(std::move(next));
  step.file.last_change = epoch;
  step.file.last_transaction = snapshots_.size() - 1;
  return true;
}

void Workload::drop(Step step) {
  for (BlockNo block : step.taken) {
    cache_.forget({block, 1});
    free_.insert(block);
  }
}

// Syncs in one of several ways, and notes what must be durable from then on.
bool Workload::promise(Random& random) {
  Promise made;
  made.transactions = snapshots_.size() - 1;
  Result<> result;
  File& file = *pick(files_, random);
  const std::uint64_t way = random.below(8);
  if (way == 0) {
    result = journal_.checkpoint();
  } else if (way < 3) {
    result = journal_.sync();
  } else if (way == 3) {
    // As the cache does in the background.
    return cache_.flush_file(file.number).ok() || true;
  } else {
    {
      const std::scoped_lock lock(file.mutex);
      made.data = file.data;
      made.transactions = file.last_transaction;
    }
    result = journal_.sync_file(file.number, file.last_change);
  }
  made.events = recording_.events();
  if (result.ok()) promises_.push_back(std::move(made));
  return result.ok();
}

bool Workload::edit_record(Step& step) {
  const std::size_t offset = kHeaderSize + (step.file.number.value - 1) * kRecordSize;
  struct Record {
    std::byte bytes[kRecordSize];
  };
  const auto record = step.tx.edit<Record>(record_block(), BlockKind::kInodeTable, offset);
  if (!record.ok()) return false;
  const std::size_t at = step.random.below(kRecordSize - 8);
  const std::size_t count = 1 + step.random.below(8);
  for (std::size_t i = at; i < at + count; ++i) {
    const auto value = static_cast<std::byte>(step.random.below(256));
    (*record)->bytes[i] = value;
    step.effects.emplace_back([block = record_block(), where = offset + i, value](Snapshot& s) {
      change(s, block, [&](std::span<std::byte> bytes) { bytes[where] = value; });
    });
  }
  return true;
}

bool Workload::add_counters(Step& step) {
  const BlockNo table = layout_.group_table().start;
  const std::size_t offset = kHeaderSize + 4 * step.random.below(8);
  const auto delta = static_cast<std::int32_t>(step.random.below(100)) - 50;
  step.effects.emplace_back([=](Snapshot& s) {
    change(s, table, [&](std::span<std::byte> bytes) {
      format::at<le32>(bytes, offset) += static_cast<std::uint32_t>(delta);
    });
  });
  return step.tx.add(table, BlockKind::kGroupTable, offset, delta).ok();
}

BlockNo Workload::take(Step& step) {
  if (free_.empty()) return kNoBlock;
  const BlockNo block = free_.extract(pick(free_, step.random)).value();
  step.taken.push_back(block);
  return block;
}

namespace {

// The bit of a block in the bitmap, in the model.
void set_model_bit(std::span<std::byte> bytes, std::uint64_t bit, bool value) {
  const std::byte mask = std::byte{1} << (bit % 8);
  std::byte& at = bytes[kHeaderSize + bit / 8];
  at = value ? at | mask : at & ~mask;
}

}  // namespace

bool Workload::create_meta(Step& step) {
  const BlockNo block = take(step);
  if (!block) return true;
  const BlockNo bitmap = layout_.block_bitmap(GroupNo{0}).start;
  const std::uint64_t bit = block - bitmap;
  const auto bytes = step.tx.create_block(block, BlockKind::kDirectory, step.file.number);
  if (!bytes.ok()) return false;
  if (!step.tx.set_bits(bitmap, BlockKind::kBlockBitmap, bit, 1, true).ok()) return false;
  for (std::uint64_t n = step.random.below(20); n > 0; --n) {
    (*bytes)[kHeaderSize + step.random.below(layout_.payload())] =
        static_cast<std::byte>(step.random.below(256));
  }
  const auto content = std::make_shared<std::vector<std::byte>>(bytes->begin(), bytes->end());
  step.effects.emplace_back([=, &file = step.file](Snapshot& s) {
    s.meta[block] = {BlockKind::kDirectory, content};
    change(s, bitmap, [&](std::span<std::byte> b) { set_model_bit(b, bit, true); });
    file.meta.insert(block);
  });
  return true;
}

bool Workload::edit_meta(Step& step) {
  if (step.file.meta.empty()) return true;
  const BlockNo block = *pick(step.file.meta, step.random);
  if (std::ranges::count(step.freed, block) > 0) return true;
  const auto bytes = step.tx.edit_block(block, BlockKind::kDirectory);
  if (!bytes.ok()) return false;
  for (std::uint64_t n = 1 + step.random.below(6); n > 0; --n) {
    const std::size_t at = kHeaderSize + step.random.below(layout_.payload() - 40);
    const std::size_t count = 1 + step.random.below(40);
    const auto value = static_cast<std::byte>(step.random.below(256));
    std::ranges::fill(bytes->subspan(at, count), value);
    step.effects.emplace_back([=](Snapshot& s) {
      change(s, block,
             [&](std::span<std::byte> b) { std::ranges::fill(b.subspan(at, count), value); });
    });
  }
  return true;
}

bool Workload::free_block(Step& step) {
  File& file = step.file;
  const bool of_data = step.random.one_in(2);
  if (of_data ? file.data.empty() : file.meta.empty()) return true;
  const BlockNo block =
      of_data ? pick(file.data, step.random)->first : *pick(file.meta, step.random);
  if (std::ranges::count(step.freed, block) > 0) return true;
  const BlockNo bitmap = layout_.block_bitmap(GroupNo{0}).start;
  const std::uint64_t bit = block - bitmap;
  if (!step.tx.set_bits(bitmap, BlockKind::kBlockBitmap, bit, 1, false).ok()) return false;
  step.tx.revoke({block, 1});
  step.freed.push_back(block);
  step.effects.emplace_back([=, &file](Snapshot& s) {
    s.meta.erase(block);
    s.data.erase(block);
    file.meta.erase(block);
    file.data.erase(block);
    change(s, bitmap, [&](std::span<std::byte> b) { set_model_bit(b, bit, false); });
  });
  return true;
}

bool Workload::write_words(BlockNo block, const Snapshot::Data& data, InodeNo owner, bool is_new) {
  const auto frame = is_new ? cache_.blank(block) : cache_.read(block);
  if (!frame.ok()) return false;
  cache_.write_access(*frame);
  for (std::size_t at = 0; at < layout_.block_size; at += 8) {
    format::at<le64>(frame->writable(), at) = word_of(data);
  }
  cache_.mark_dirty(*frame, owner);
  return true;
}

bool Workload::add_data(Step& step) {
  const std::uint64_t wanted = step.random.one_in(4) ? 8 : 1;
  for (std::uint64_t n = 0; n < wanted; ++n) {
    const BlockNo block = take(step);
    if (!block) return true;
    const Snapshot::Data data{++lives_, 1};
    if (!write_words(block, data, step.file.number, true)) return false;
    const BlockNo bitmap = layout_.block_bitmap(GroupNo{0}).start;
    const std::uint64_t bit = block - bitmap;
    if (!step.tx.set_bits(bitmap, BlockKind::kBlockBitmap, bit, 1, true).ok()) return false;
    step.tx.order_data(step.file.number);
    step.effects.emplace_back([=, &file = step.file](Snapshot& s) {
      file.data[block] = data;
      s.data[block] = data;
      change(s, bitmap, [&](std::span<std::byte> b) { set_model_bit(b, bit, true); });
    });
  }
  return true;
}

bool Workload::overwrite_data(Step& step) {
  File& file = step.file;
  if (file.data.empty()) return true;
  const auto at = pick(file.data, step.random);
  if (std::ranges::count(step.freed, at->first) > 0) return true;
  const Snapshot::Data newer{at->second.life, at->second.version + 1};
  if (!write_words(at->first, newer, file.number, false)) return false;
  at->second = newer;
  if (step.random.one_in(2)) return true;
  step.tx.order_data(file.number);
  step.effects.emplace_back([&file](Snapshot& s) {
    for (const auto& [block, data] : file.data) s.data[block] = data;
  });
  return true;
}

}  // namespace spindle::test
