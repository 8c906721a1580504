#include "open_writers.h"

#include <sys/uio.h>
#include <unistd.h>

#include <system_error>
#include <thread>

#include "session_state.h"

namespace spindle {
namespace {

/// Tells the kernel to drop its pages of the file; it writes the dirty ones first. Returns when the
/// answers to those writes have been given.
void drop_pages(int fd, NodeId node) {
  fuse_out_header header{};
  fuse_notify_inval_inode_out all{.ino = node, .off = 0, .len = 0};
  header.error = FUSE_NOTIFY_INVAL_INODE;
  header.len = sizeof header + sizeof all;
  iovec pieces[2] = {{&header, sizeof header}, {&all, sizeof all}};
  (void)::writev(fd, pieces, 2);
}

}  // namespace

// Runs on another kernel thread: this one has to serve the writes meanwhile.
Result<> collect_writes(SessionState& session, NodeId node) {
  thread::Runtime& runtime = *thread::Runtime::current();
  const thread::Runtime::ExternalWork helps(runtime);
  thread::Event collected("cached writes");
  try {
    std::thread helper([&, fd = session.fd] {
      drop_pages(fd, node);
      runtime.post([&collected] { collected.set(); });
    });
    collected.wait();
    helper.join();
  } catch (const std::system_error& error) {
    return Error{error.code().value(), "no thread to collect writes with"};
  }
  return {};
}

}  // namespace spindle
