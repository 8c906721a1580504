#include "spindle/device/file_device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "device/io_engine.h"
#include "device/transfer.h"
#include "device/wait_gauge.h"
#include "spindle/base/clock.h"
#include "spindle/base/file_descriptor.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

/// Writes up to this size are copied into the host's page cache by the calling thread.
constexpr std::uint64_t kLargestDirectWrite = 1024 * 1024;
/// They are copied in pieces: a large one makes the host take large pages, in which each later
/// small write costs several times as much.
constexpr std::uint64_t kPiece = 128 * 1024;
/// A piece that takes this long means that the host makes its writers wait; for a while all writes
/// then go through the engine.
constexpr std::int64_t kSlowWriteNs = 3'000'000;
constexpr std::int64_t kCautiousForNs = 1'000'000'000;
/// The greatest n: after n misses in a row one read in 2^n is tried without waiting.
constexpr unsigned kMostMisses = 4;
/// The switches of a wait: away from the thread that waits, and back to it.
constexpr std::uint64_t kSwitchesOfAWait = 2;
constexpr std::array<std::byte, kPiece> kZeros{};

Result<std::uint64_t> size_of(int fd, const struct stat& status) {
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  std::uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0)
    return Error{errno, "the block device does not tell its size"};
  return size;
}

Result<> take_lock(int fd, bool exclusive) {
  if (::flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK) return Error{EBUSY, "the image is in use by another program"};
  return Error{errno, "the image cannot be locked"};
}

/// Linux opens such a device for writing all the same, and fails each write with EPERM.
Result<> check_writable(int fd) {
  int is_read_only = 0;
  if (::ioctl(fd, BLKROGET, &is_read_only) != 0 || is_read_only == 0) return {};
  return Error{EROFS, "the block device is read-only"};
}

bool is_read(const Transfer& transfer) {
  return transfer.kind == IoRequest::Kind::kRead;
}

std::uint64_t bytes_of(std::span<const Transfer> transfers) {
  std::uint64_t bytes = 0;
  for (const Transfer& transfer : transfers) bytes += transfer.bytes;
  return bytes;
}

}  // namespace

struct FileDevice::State {
  FileDescriptor fd;
  bool is_block_device = false;
  bool read_only = false;
  std::uint64_t size = 0;
  std::uint32_t block_size = 0;
  Engine wanted_engine = Engine::kAutomatic;

  std::unique_ptr<IoEngine> engine{};    ///< made when something first has to wait
  bool reads_without_waiting = true;     ///< the host's file system knows RWF_NOWAIT
  unsigned missed_reads = 0;             ///< how many in a row were not in the host's memory
  unsigned reads_not_to_try = 0;         ///< how many go to the engine without a try
  std::int64_t cautious_until_ns = 0;    ///< until then the host is taken to be slow
  WaitGauge read_gauge{};                ///< for reads that come singly
  WaitGauge sync_gauge{};                ///< for flushes
  std::uint64_t unsynced_bytes = 0;      ///< how many were written since the last flush began
  std::uint64_t writes = 0;              ///< completed batches, counted to know ...
  std::uint64_t flushed_writes = ~0ull;  ///< ... how many the last flush covered
  std::optional<Error> flush_error{};
  bool cut_off = false;  ///< the file has been seen shorter than it was

  Result<> check_length();
  bool write_zeros(off_t at, off_t end) const;
  Result<> serve(std::span<Transfer> transfers);
  [[nodiscard]] bool parks() const {
    return wanted_engine != Engine::kBlocking && thread::current_thread::exists();
  }
  Result<> serve_blocking(Transfer transfer) const;
  Result<> wait_for_reads(std::span<const Transfer> transfers);
  Result<> serve_parked(std::span<Transfer> transfers);
  int try_without_waiting(Transfer& transfer);
  int try_read(Transfer& transfer);
  int try_write(Transfer& transfer);
  std::int64_t write_piece(const Transfer& transfer) const;
  IoEngine& waiting_engine();
  IoOperation operation(const Transfer& transfer) const;
  std::int64_t sync();
  template <class Work>
  void measure_parked(WaitGauge& gauge, const Work& work);
  Error failure(const Transfer& transfer, std::int64_t outcome) const;
};

Result<std::unique_ptr<FileDevice>> FileDevice::open(const std::string& path, Access access,
                                                     std::uint32_t block_size, Lock lock,
                                                     Engine engine) {
  const bool read_only = access == Access::kReadOnly;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return Error{errno, "the image cannot be opened"};
  const bool is_block_device = S_ISBLK(status.st_mode);
  if (!S_ISREG(status.st_mode) && !is_block_device)
    return Error{EINVAL, "the image is neither a file nor a block device"};
  // The kernel refuses O_EXCL for a block device that it has mounted itself.
  const bool claim = is_block_device && !read_only && lock == Lock::kExclusive;
  const int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | (claim ? O_EXCL : 0);
  FileDescriptor fd(::open(path.c_str(), flags));
  if (!fd.is_open()) return Error{errno, "the image cannot be opened"};
  if (::fstat(fd.get(), &status) != 0)
    return Error{errno, "the status of the image cannot be read"};
  if (is_block_device && !read_only) TRY(check_writable(fd.get()));
  if (lock == Lock::kExclusive) TRY(take_lock(fd.get(), !read_only));
  const std::uint64_t size = TRY(size_of(fd.get(), status));
  return std::unique_ptr<FileDevice>(
      new FileDevice(std::unique_ptr<State>(new State{.fd = std::move(fd),
                                                      .is_block_device = S_ISBLK(status.st_mode),
                                                      .read_only = read_only,
                                                      .size = size,
                                                      .block_size = block_size,
                                                      .wanted_engine = engine})));
}

FileDevice::FileDevice(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileDevice::~FileDevice() = default;

bool FileDevice::is_block_device() const {
  return state_->is_block_device;
}
std::uint32_t FileDevice::block_size() const {
  return state_->block_size;
}
std::uint64_t FileDevice::block_count() const {
  return state_->size / state_->block_size;
}
std::uint64_t FileDevice::size_bytes() const {
  return state_->size;
}
void FileDevice::set_block_size(std::uint32_t block_size) {
  state_->block_size = block_size;
}

std::string_view FileDevice::engine() const {
  return state_->engine ? state_->engine->name() : "blocking";
}

Result<> FileDevice::submit(std::span<const IoRequest> batch) {
  bool writes = false;
  for (const IoRequest& request : batch) {
    TRY(check_request(*this, request));
    if (request.kind == IoRequest::Kind::kRead) continue;
    if (state_->read_only)
      return Error{EROFS, "the image is open for reading only", Subject::block(request.start)};
    writes = true;
    state_->unsynced_bytes += request.bytes();
  }
  if (writes) TRY(state_->check_length());
  TransferPlan plan(state_->block_size, batch);
  Result<> served = state_->serve(plan.transfers());
  // Counted when it is complete: a flush that began before this does not cover it.
  if (writes) ++state_->writes;
  return served;
}

// A write past the cut would lengthen the file again, and what was lost would read as zeros. It
// does not call fstat: once a time has been asked for, the next write keeps it to the nanosecond
// (Linux 6.13), and each flush would then have to write the host's inode.
Result<> FileDevice::State::check_length() {
  if (is_block_device) return {};
  const off_t length = ::lseek(fd.get(), 0, SEEK_END);
  if (length < 0) return Error{errno, "the status of the image cannot be read"};
  if (static_cast<std::uint64_t>(length) < size) cut_off = true;
  if (cut_off) return Error{EIO, "the image was cut off while it was in use"};
  return {};
}

Result<> FileDevice::State::serve(std::span<Transfer> transfers) {
  const bool reads = parks() && !transfers.empty() && std::ranges::all_of(transfers, is_read);
  if (reads && read_gauge.may_wait(bytes_of(transfers))) return wait_for_reads(transfers);
  std::size_t left = 0;
  for (Transfer& transfer : transfers) {
    if (!parks()) {
      TRY(serve_blocking(transfer));
      continue;
    }
    if (const int code = try_without_waiting(transfer)) return failure(transfer, -code);
    if (transfer.bytes != 0) transfers[left++] = transfer;
  }
  if (left == 0) return {};
  if (!reads) return serve_parked(transfers.first(left));
  Result<> served;
  measure_parked(read_gauge, [&] { served = serve_parked(transfers.first(left)); });
  return served;
}

Result<> FileDevice::State::serve_blocking(Transfer transfer) const {
  while (transfer.bytes != 0) {
    const std::int64_t moved = operation(transfer).perform();
    if (moved <= 0) return failure(transfer, moved);
    transfer.advance(static_cast<std::uint64_t>(moved));
  }
  return {};
}

// Reads on this kernel thread; the host begins with all of them before the first is waited for.
Result<> FileDevice::State::wait_for_reads(std::span<const Transfer> transfers) {
  const std::int64_t began_ns = monotonic_ns();
  for (const Transfer& later : transfers.subspan(1))
    (void)::posix_fadvise(fd.get(), static_cast<off_t>(later.offset),
                          static_cast<off_t>(later.bytes), POSIX_FADV_WILLNEED);
  Result<> served;
  for (const Transfer& transfer : transfers)
    if (served.ok()) served = serve_blocking(transfer);
  read_gauge.has_waited(monotonic_ns() - began_ns);
  return served;
}

// Does the work, which parks the thread, and tells the gauge how that went.
template <class Work>
void FileDevice::State::measure_parked(WaitGauge& gauge, const Work& work) {
  const thread::Runtime& runtime = *thread::Runtime::current();
  const std::uint64_t switches = runtime.switches();
  const std::int64_t began_ns = monotonic_ns();
  work();
  const bool was_alone = runtime.switches() - switches <= kSwitchesOfAWait;
  gauge.has_parked(monotonic_ns() - began_ns, was_alone);
}

Result<> FileDevice::State::serve_parked(std::span<Transfer> transfers) {
  IoEngine& waits = waiting_engine();
  std::vector<IoOperation> operations;
  operations.reserve(transfers.size());
  while (!transfers.empty()) {
    operations.clear();
    for (const Transfer& transfer : transfers) operations.push_back(operation(transfer));
    perform_all(waits, operations);
    std::size_t left = 0;
    for (std::size_t i = 0; i < transfers.size(); ++i) {
      const std::int64_t moved = operations[i].result;
      const bool again = moved == -EINTR || moved == -EAGAIN;
      if (moved <= 0 && !again) return failure(transfers[i], moved);
      if (!again) transfers[i].advance(static_cast<std::uint64_t>(moved));
      if (transfers[i].bytes != 0) transfers[left++] = transfers[i];
    }
    transfers = transfers.first(left);
  }
  return {};
}

// Moves what can be moved at once, maybe nothing; an errno if that failed.
int FileDevice::State::try_without_waiting(Transfer& transfer) {
  return is_read(transfer) ? try_read(transfer) : try_write(transfer);
}

int FileDevice::State::try_read(Transfer& transfer) {
  if (!reads_without_waiting) return 0;
  if (reads_not_to_try > 0) {
    --reads_not_to_try;
    return 0;
  }
  const ssize_t moved =
      ::preadv2(fd.get(), transfer.vectors.data(), static_cast<int>(transfer.vectors.size()),
                static_cast<off_t>(transfer.offset), RWF_NOWAIT);
  if (moved >= 0) {
    missed_reads = 0;
    transfer.advance(static_cast<std::uint64_t>(moved));
    return 0;
  }
  if (errno == EAGAIN) {
    // What is not in the host's memory now will not be there a moment later: the next reads go to
    // the engine, which looks, too, and one call is saved.
    missed_reads = std::min(missed_reads + 1, kMostMisses);
    reads_not_to_try = (1u << missed_reads) - 2;
    return 0;
  }
  if (errno == EINTR) return 0;
  if (errno != EOPNOTSUPP) return errno;
  reads_without_waiting = false;
  return 0;
}

int FileDevice::State::try_write(Transfer& transfer) {
  if (transfer.bytes > kLargestDirectWrite) return 0;
  std::int64_t begin = monotonic_ns();
  while (transfer.bytes != 0 && begin >= cautious_until_ns) {
    const std::int64_t moved = write_piece(transfer);
    if (moved <= 0) return static_cast<int>(-moved);
    transfer.advance(static_cast<std::uint64_t>(moved));
    const std::int64_t end = monotonic_ns();
    if (end - begin > kSlowWriteNs) cautious_until_ns = end + kCautiousForNs;
    begin = end;
  }
  return 0;
}

// Writes the first buffers, or the first part of a large one.
std::int64_t FileDevice::State::write_piece(const Transfer& transfer) const {
  IoOperation piece = operation(transfer);
  iovec part = transfer.vectors.front();
  if (part.iov_len > kPiece) {
    part.iov_len = kPiece;
    piece.vectors = {&part, 1};
    return piece.perform();
  }
  std::size_t count = 1;
  std::uint64_t bytes = part.iov_len;
  while (count < transfer.vectors.size() && bytes + transfer.vectors[count].iov_len <= kPiece)
    bytes += transfer.vectors[count++].iov_len;
  piece.vectors = transfer.vectors.first(count);
  return piece.perform();
}

IoEngine& FileDevice::State::waiting_engine() {
  if (!engine && wanted_engine == Engine::kAutomatic) engine = make_uring_engine();
  if (!engine) engine = make_helper_thread_engine();
  if (!engine) engine = make_blocking_engine();
  return *engine;
}

IoOperation FileDevice::State::operation(const Transfer& transfer) const {
  const bool reads = transfer.kind == IoRequest::Kind::kRead;
  return {.kind = reads ? IoOperation::Kind::kRead : IoOperation::Kind::kWrite,
          .fd = fd.get(),
          .offset = transfer.offset,
          .vectors = transfer.vectors};
}

Error FileDevice::State::failure(const Transfer& transfer, std::int64_t outcome) const {
  const Subject block = Subject::block(BlockNo{transfer.offset / block_size});
  if (outcome == 0) return {EIO, "the image ends before this block", block};
  const bool reads = transfer.kind == IoRequest::Kind::kRead;
  return {static_cast<int>(-outcome),
          reads ? "the image cannot be read" : "the image cannot be written", block};
}

std::int64_t FileDevice::State::sync() {
  IoOperation operation{.kind = IoOperation::Kind::kSync, .fd = fd.get()};
  const std::uint64_t bytes = std::exchange(unsynced_bytes, 0);
  if (!parks()) return operation.perform();
  if (sync_gauge.may_wait(bytes)) {
    const std::int64_t began_ns = monotonic_ns();
    const std::int64_t outcome = operation.perform();
    sync_gauge.has_waited(monotonic_ns() - began_ns);
    return outcome;
  }
  measure_parked(sync_gauge, [&] {
    do {
      perform_all(waiting_engine(), {&operation, 1});
    } while (operation.result == -EINTR || operation.result == -EAGAIN);
  });
  return operation.result;
}

Result<> FileDevice::flush() {
  State& state = *state_;
  if (state.flush_error) return *state.flush_error;
  if (state.read_only || state.writes == state.flushed_writes) return {};
  TRY(state.check_length());
  const std::uint64_t covered = state.writes;
  if (const std::int64_t outcome = state.sync(); outcome < 0) {
    state.flush_error = Error{static_cast<int>(-outcome), "the image cannot be flushed"};
    return *state.flush_error;
  }
  state.flushed_writes = covered;
  return {};
}

Result<> FileDevice::discard(Run run) {
  State& state = *state_;
  TRY(check_run(*this, run));
  if (state.read_only)
    return Error{EROFS, "the image is open for reading only", Subject::block(run.start)};
  if (run.length == 0) return {};
  TRY(state.check_length());
  std::uint64_t range[2] = {run.start.value * state.block_size, run.length * state.block_size};
  const int outcome = state.is_block_device
                          ? ::ioctl(state.fd.get(), BLKDISCARD, range)
                          : ::fallocate(state.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                        static_cast<off_t>(range[0]), static_cast<off_t>(range[1]));
  ++state.writes;
  if (outcome != 0 && errno != EOPNOTSUPP)
    return Error{errno, "the image cannot be discarded from", Subject::block(run.start)};
  return {};
}

// False if the host did not take them all.
bool FileDevice::State::write_zeros(off_t at, off_t end) const {
  while (at < end) {
    const auto part = std::min<off_t>(end - at, kZeros.size());
    const ssize_t written = ::pwrite(fd.get(), kZeros.data(), static_cast<std::size_t>(part), at);
    if (written <= 0) return false;
    at += written;
  }
  return true;
}

void FileDevice::fill_holes(Run run) {
  State& state = *state_;
  if (state.is_block_device || state.read_only || !check_run(*this, run).ok()) return;
  if (!state.check_length().ok()) return;
  const auto end = static_cast<off_t>(run.end().value * state.block_size);
  for (auto at = static_cast<off_t>(run.start.value * state.block_size); at < end;) {
    const off_t hole = ::lseek(state.fd.get(), at, SEEK_HOLE);
    if (hole < 0 || hole >= end) return;
    const off_t data = ::lseek(state.fd.get(), hole, SEEK_DATA);
    at = data < 0 ? end : std::min(data, end);
    if (!state.write_zeros(hole, at)) return;
  }
}

}  // namespace spindle
