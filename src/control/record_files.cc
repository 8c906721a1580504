#include "spindle/control/record_files.h"

#include <new>

#include "spindle/base/clock.h"

namespace spindle {
namespace {

/// One reader of a record pipe.
class RecordPipe final : public OperationListener {
 public:
  RecordPipe(RecordingTree& recorded, bool contents) : recorded_(recorded), contents_(contents) {}
  ~RecordPipe() override {
    if (listens_) recorded_.remove(*this);
  }
  RecordPipe(const RecordPipe&) = delete;
  RecordPipe& operator=(const RecordPipe&) = delete;

  void done(const Operation& operation, std::span<const std::byte> data) override {
    // What began before the recording is not part of it.
    if (lost_ || operation.begin_ns < began_ns_) return;
    try {
      add(operation, data);
    } catch (const std::bad_alloc&) {
      lost_ = true;
      lines_ = std::string("\nlost\n");  // the last line that was taken may have been a part
    }
    arrivals_.wake_all();
  }

  std::string take(std::size_t size) {
    if (!listens_) {
      listens_ = true;
      began_ns_ = monotonic_ns();
      recorded_.add(*this);
    }
    if (size >= lines_.size()) return std::exchange(lines_, {});
    std::string part = lines_.substr(0, size);
    lines_.erase(0, size);
    return part;
  }
  [[nodiscard]] thread::WaitQueue& arrivals() { return arrivals_; }

 private:
  void add(const Operation& operation, std::span<const std::byte> data) {
    Operation shifted = operation;
    shifted.begin_ns -= began_ns_;
    if (contents_) shifted.data.assign(reinterpret_cast<const char*>(data.data()), data.size());
    lost_ = lines_.size() > kMostUnread;
    lines_ += (lost_ ? "lost" : "op " + operation_line(shifted)) + "\n";
  }

  static constexpr std::size_t kMostUnread = 64u << 20;

  RecordingTree& recorded_;
  bool contents_;
  bool listens_ = false;
  bool lost_ = false;
  std::int64_t began_ns_ = 0;
  std::string lines_;
  thread::WaitQueue arrivals_{"record"};
};

void add_pipe(ControlTree& tree, std::string_view path, RecordingTree& recorded, bool contents) {
  tree.add_file(path, [&recorded, contents] {
    const auto pipe = std::make_shared<RecordPipe>(recorded, contents);
    ControlFile file{.is_private = true};
    file.stream.arrivals = &pipe->arrivals();
    file.stream.take = [pipe](std::size_t size) -> Result<std::string> { return pipe->take(size); };
    return file;
  });
}

}  // namespace

void add_record_files(ControlTree& tree, RecordingTree& recorded) {
  add_pipe(tree, "record_pipe", recorded, false);
  add_pipe(tree, "record_pipe_contents", recorded, true);
}

}  // namespace spindle
