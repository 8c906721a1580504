#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "device/io_engine.h"
#include "spindle/thread/runtime.h"

namespace spindle {
namespace {

using thread::Runtime;

/// A first-in, first-out list of operations, linked through themselves.
class OperationList {
 public:
  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  void push(IoOperation& operation) {
    operation.next = nullptr;
    *tail_ = &operation;
    tail_ = &operation.next;
  }
  IoOperation* pop() {
    IoOperation* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->next;
    if (head_ == nullptr) tail_ = &head_;
    return first;
  }

 private:
  IoOperation* head_ = nullptr;
  IoOperation** tail_ = &head_;
};

/// One kernel thread that makes the blocking calls one after the other. The mutex guards both
/// lists; everything else belongs to the runtime's kernel thread.
class HelperThreadEngine final : public IoEngine {
 public:
  HelperThreadEngine() : helper_([this](std::stop_token stop) { work(std::move(stop)); }) {}

  [[nodiscard]] std::string_view name() const override { return "helper thread"; }
  void start(std::span<IoOperation> operations) override;

 private:
  void work(std::stop_token stop);
  void finish_done();

  std::mutex mutex_;
  std::condition_variable_any arrived_;
  OperationList waiting_;
  OperationList done_;
  Runtime* runtime_ = nullptr;  ///< whose operations are under way
  std::size_t in_flight_ = 0;
  std::optional<Runtime::ExternalWork> external_work_;
  std::jthread helper_;  ///< last: ends before what it uses
};

void HelperThreadEngine::start(std::span<IoOperation> operations) {
  if (in_flight_ == 0) external_work_.emplace(*Runtime::current());
  in_flight_ += operations.size();
  {
    const std::lock_guard lock(mutex_);
    runtime_ = Runtime::current();
    for (IoOperation& operation : operations) waiting_.push(operation);
  }
  arrived_.notify_one();
}

void HelperThreadEngine::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (arrived_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    IoOperation* operation = waiting_.pop();
    lock.unlock();
    operation->result = operation->perform();
    lock.lock();
    const bool announce = done_.empty();
    done_.push(*operation);
    // While the lock is held the operation cannot finish, so the runtime cannot end under us.
    if (announce) runtime_->post([this] { finish_done(); });
  }
}

void HelperThreadEngine::finish_done() {
  OperationList done;
  {
    const std::lock_guard lock(mutex_);
    while (IoOperation* operation = done_.pop()) done.push(*operation);
  }
  while (IoOperation* operation = done.pop()) {
    --in_flight_;
    operation->finish(operation->result);
  }
  if (in_flight_ == 0) external_work_.reset();
}

}  // namespace

std::unique_ptr<IoEngine> make_helper_thread_engine() {
  try {
    return std::make_unique<HelperThreadEngine>();
  } catch (const std::system_error&) {
    return nullptr;
  }
}

}  // namespace spindle
