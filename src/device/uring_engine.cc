#include <liburing.h>

#include <cerrno>
#include <optional>

#include "device/io_engine.h"
#include "spindle/base/check.h"
#include "spindle/thread/runtime.h"

namespace spindle {
namespace {

using thread::Runtime;

constexpr unsigned kRingEntries = 128;
constexpr unsigned kMostReapedAtOnce = 64;

/// Completions are looked for right after each submission, since much completes at once; the ring's
/// descriptor, which is watched only while something is under way, announces the others.
class UringEngine final : public IoEngine, private thread::FdWatcher {
 public:
  explicit UringEngine(const io_uring& ring) : ring_(ring) {}
  ~UringEngine() override { io_uring_queue_exit(&ring_); }

  [[nodiscard]] std::string_view name() const override { return "io_uring"; }
  void start(std::span<IoOperation> operations) override;

 private:
  void prepare(IoOperation& operation);
  void submit_prepared();
  /// Whether anything was completed.
  bool reap();
  static void finish(IoOperation& operation, std::int64_t outcome);
  void begin_watching();
  void end_watching();
  bool readable() override { return reap(); }

  io_uring ring_;
  std::size_t in_flight_ = 0;
  std::optional<Runtime::ExternalWork> external_work_;
};

void UringEngine::prepare(IoOperation& operation) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) {
    submit_prepared();
    entry = io_uring_get_sqe(&ring_);
    CHECK(entry != nullptr);
  }
  const auto count = static_cast<unsigned>(operation.vectors.size());
  switch (operation.kind) {
    case IoOperation::Kind::kRead:
      io_uring_prep_readv(entry, operation.fd, operation.vectors.data(), count, operation.offset);
      break;
    case IoOperation::Kind::kWrite:
      io_uring_prep_writev(entry, operation.fd, operation.vectors.data(), count, operation.offset);
      break;
    case IoOperation::Kind::kSync:
      io_uring_prep_fsync(entry, operation.fd, IORING_FSYNC_DATASYNC);
      break;
  }
  io_uring_sqe_set_data(entry, &operation);
}

void UringEngine::submit_prepared() {
  while (io_uring_sq_ready(&ring_) != 0) {
    const int submitted = io_uring_submit(&ring_);
    // EBUSY and EAGAIN: the kernel wants completions taken first, or memory freed.
    CHECK(submitted >= 0 || submitted == -EBUSY || submitted == -EAGAIN || submitted == -EINTR);
    if (submitted < 0) reap();
  }
}

void UringEngine::start(std::span<IoOperation> operations) {
  in_flight_ += operations.size();
  for (IoOperation& operation : operations) prepare(operation);
  submit_prepared();
  reap();
  if (in_flight_ != 0) begin_watching();
}

bool UringEngine::reap() {
  bool any = false;
  io_uring_cqe* completions[kMostReapedAtOnce];
  while (const unsigned count = io_uring_peek_batch_cqe(&ring_, completions, kMostReapedAtOnce)) {
    in_flight_ -= count;
    any = true;
    for (unsigned i = 0; i < count; ++i) {
      finish(*static_cast<IoOperation*>(io_uring_cqe_get_data(completions[i])),
             completions[i]->res);
    }
    io_uring_cq_advance(&ring_, count);
  }
  if (in_flight_ == 0) end_watching();
  return any;
}

// What the kernel can neither do at once nor, at the limit of threads or processes, with a thread
// of its own, it cancels. Nobody else cancels anything here.
void UringEngine::finish(IoOperation& operation, std::int64_t outcome) {
  operation.finish(outcome == -ECANCELED ? operation.perform() : outcome);
}

void UringEngine::begin_watching() {
  if (external_work_) return;
  Runtime& runtime = *Runtime::current();
  external_work_.emplace(runtime);
  const Result<> watched = runtime.watch(ring_.ring_fd, *this);
  CHECK(watched.ok());
}

void UringEngine::end_watching() {
  if (!external_work_) return;
  Runtime::current()->unwatch(ring_.ring_fd);
  external_work_.reset();
}

/// Whether the ring does anything: a sandbox may let it be made, and nothing be submitted.
bool can_be_used(io_uring& ring) {
  // Without this a burst of completions could be lost (kernels before 5.5).
  if ((ring.features & IORING_FEAT_NODROP) == 0) return false;
  io_uring_prep_nop(io_uring_get_sqe(&ring));
  io_uring_cqe* completion = nullptr;
  if (io_uring_submit(&ring) != 1 || io_uring_peek_cqe(&ring, &completion) != 0) return false;
  io_uring_cqe_seen(&ring, completion);
  return true;
}

}  // namespace

std::unique_ptr<IoEngine> make_uring_engine() {
  io_uring ring{};
  if (io_uring_queue_init(kRingEntries, &ring, IORING_SETUP_CLAMP) < 0) return nullptr;
  if (!can_be_used(ring)) {
    io_uring_queue_exit(&ring);
    return nullptr;
  }
  return std::make_unique<UringEngine>(ring);
}

}  // namespace spindle
