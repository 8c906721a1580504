#include "device/io_engine.h"

#include <unistd.h>

#include <cerrno>

namespace spindle {

std::int64_t IoOperation::perform() const {
  const auto at = static_cast<off_t>(offset);
  const int count = static_cast<int>(vectors.size());
  std::int64_t outcome = 0;
  do {
    switch (kind) {
      case Kind::kRead:
        outcome = ::preadv(fd, vectors.data(), count, at);
        break;
      case Kind::kWrite:
        outcome = ::pwritev(fd, vectors.data(), count, at);
        break;
      case Kind::kSync:
        outcome = ::fdatasync(fd);
        break;
    }
  } while (outcome < 0 && errno == EINTR);
  return outcome < 0 ? -errno : outcome;
}

namespace {

class BlockingEngine final : public IoEngine {
 public:
  [[nodiscard]] std::string_view name() const override { return "blocking"; }
  void start(std::span<IoOperation> operations) override {
    for (IoOperation& operation : operations) operation.finish(operation.perform());
  }
};

}  // namespace

std::unique_ptr<IoEngine> make_blocking_engine() {
  return std::make_unique<BlockingEngine>();
}

void perform_all(IoEngine& engine, std::span<IoOperation> operations) {
  IoCompletion completion{.remaining = operations.size()};
  for (IoOperation& operation : operations) operation.completion = &completion;
  engine.start(operations);
  while (completion.remaining != 0) completion.waiter.wait();
}

}  // namespace spindle
