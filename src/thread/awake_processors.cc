#include "thread/awake_processors.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace spindle::thread {
namespace {

constexpr std::string_view kDriverOfVirtualMachines = "haltpoll";

bool begins_with(const std::string& path, std::string_view wanted) {
  std::array<char, 32> text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t length = ::read(fd, text.data(), text.size());
  ::close(fd);
  return length > 0 &&
         std::string_view(text.data(), static_cast<std::size_t>(length)).starts_with(wanted);
}

}  // namespace

AwakeProcessors::AwakeProcessors() : AwakeProcessors(Files()) {}

AwakeProcessors::~AwakeProcessors() {
  if (fd_ >= 0) ::close(fd_);
}

void AwakeProcessors::open() {
  was_opened_ = true;
  if (!begins_with(files_.idle_driver, kDriverOfVirtualMachines)) return;
  fd_ = ::open(files_.latency.c_str(), O_WRONLY | O_CLOEXEC);
}

// A demand holds as long as the file stays open, or until the next one.
void AwakeProcessors::demand(std::int32_t latency_us) {
  if (!was_opened_) open();
  if (fd_ >= 0) static_cast<void>(!::write(fd_, &latency_us, sizeof latency_us));
}

}  // namespace spindle::thread
