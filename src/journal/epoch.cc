#include "journal/epoch.h"

#include <cstring>

#include "journal/bits.h"
#include "journal/difference.h"

namespace spindle {

std::size_t Epoch::cost() const {
  if (empty()) return 0;
  return log.size() + changed.size() * (sizeof(format::LogRecord) + sizeof(le64));
}

void Epoch::clear(EpochNo next) {
  number = next;
  log.clear();
  changed.clear();
  revoked.clear();
  ordered.clear();
  is_large = false;
  syncs = 0;
}

void Installer::touch(const BlockRef& frame) {
  const auto [held, first] = held_.touch(frame, open_.number);
  if (first) open_.changed.push_back(held);
}

void Installer::install_fresh(const BlockRef& frame, std::span<const std::byte> content,
                              format::BlockKind kind) {
  touch(frame);
  const std::span<std::byte> bytes = frame.writable();
  std::memcpy(bytes.data(), content.data(), bytes.size());
  static constexpr std::byte kZeros[kMaxBlockSize] = {};
  bool first = true;
  for_each_difference(bytes, std::span(kZeros, bytes.size()), [&](std::size_t at, std::size_t n) {
    if (first) {
      open_.log.fresh(frame.block(), bytes, at, n);
    } else {
      open_.log.patch(frame.block(), bytes, at, n);
    }
    first = false;
  });
  cache_.set_verified_kind(frame, static_cast<std::uint16_t>(kind));
}

void Installer::install_whole(const EditedBlock& edited) {
  const std::span<std::byte> frame = edited.frame.writable();
  const std::span<std::byte> whole(edited.whole, frame.size());
  // Checksum and epoch belong to the seal.
  auto& header = format::at<format::BlockHeader>(whole, 0);
  header.checksum = 0;
  header.epoch = 0;
  if (edited.fresh) {
    install_fresh(edited.frame, whole, edited.kind);
    return;
  }
  const auto& sealed = format::at<format::BlockHeader>(std::span<const std::byte>(frame), 0);
  header.checksum = sealed.checksum;
  header.epoch = sealed.epoch;
  for_each_difference(whole, frame, [&](std::size_t at, std::size_t n) {
    touch(edited.frame);
    std::memcpy(frame.data() + at, whole.data() + at, n);
    open_.log.patch(edited.frame.block(), frame, at, n);
  });
}

void Installer::install_records(const EditedBlock& edited) {
  const std::span<std::byte> frame = edited.frame.writable();
  for (const RecordEdit& record : edited.records) {
    const std::span now(record.now, record.length);
    const std::span before(record.before, record.length);
    for_each_difference(now, before, [&](std::size_t at, std::size_t n) {
      touch(edited.frame);
      // Bytes that this transaction left alone may have been changed by another one.
      for (std::size_t i = at; i < at + n; ++i) {
        if (now[i] != before[i]) frame[record.offset + i] = now[i];
      }
      open_.log.patch(edited.frame.block(), frame, record.offset + at, n);
    });
  }
}

void Installer::install_block(const EditedBlock& edited) {
  if (edited.whole != nullptr) {
    install_whole(edited);
    return;
  }
  const std::span<std::byte> frame = edited.frame.writable();
  install_records(edited);
  for (const CounterEdit& counter : edited.counters) {
    if (counter.amount == 0) continue;
    touch(edited.frame);
    format::at<le32>(frame, counter.offset) += counter.amount;
    open_.log.patch(edited.frame.block(), frame, counter.offset, sizeof(le32));
  }
  for (const BitsEdit& bits : edited.bits) {
    touch(edited.frame);
    apply_bits(frame, bits.first, bits.count, bits.value);
    open_.log.bits(edited.frame.block(), bits.first, bits.count, bits.value);
  }
}

void Installer::install(const TransactionState& transaction) {
  for (const EditedBlock& edited : transaction.blocks) install_block(edited);
  for (Run run : transaction.revoked) {
    open_.log.revoke(run);
    open_.revoked.push_back(run);
  }
  for (InodeNo inode : transaction.ordered) {
    if (open_.ordered.empty() || open_.ordered.back() != inode) open_.ordered.push_back(inode);
  }
}

void Installer::install_bytes(const BlockRef& frame, std::size_t offset,
                              std::span<const std::byte> bytes) {
  touch(frame);
  const std::span<std::byte> content = frame.writable();
  std::memcpy(content.data() + offset, bytes.data(), bytes.size());
  open_.log.patch(frame.block(), content, offset, bytes.size());
}

}  // namespace spindle
