#include "spindle/fuse/session.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mount_guard.h"
#include "protocol.h"
#include "request_trace.h"
#include "session_state.h"
#include "spindle/base/clock.h"
#include "spindle/base/host_proc.h"
#include "spindle/base/log.h"
#include "spindle/thread/thread.h"

namespace spindle {
namespace {

/// Commas separate the options of a mount, so one in a name must be escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string mount_options(const Session::Options& options) {
  std::string text = "-osubtype=spindle,fsname=" + escaped(options.source);
  text += options.read_only ? ",ro" : ",rw";
  if (options.allow_other) text += ",allow_other";
  if (options.default_permissions) text += ",default_permissions";
  // Devices and setuid programs work as on any file system if the user who mounts may allow them.
  if (::geteuid() == 0) text += ",dev,suid";
  if (options.atime == "noatime") text += ",noatime";
  return text + options.kernel_options;
}

/// The flags that the kernel offers and libfuse 3.14 does not know: with FUSE_HANDLE_KILLPRIV_V2
/// the kernel need not ask for security.capability before each write, with FUSE_SETXATTR_EXT it
/// says when an ACL must clear setgid.
std::uint32_t wanted_beyond_libfuse(const fuse_in_header& init) {
  const auto& offer = *reinterpret_cast<const fuse_init_in*>(&init + 1);
  return offer.flags & (protocol::kHandleKillPrivilegesV2 | FUSE_SETXATTR_EXT);
}

/// Every answer leaves here. The answer to FUSE_INIT gets the flags that libfuse does not know.
ssize_t write_answer(int fd, iovec* pieces, int count, void* user_data) {
  auto& session = *static_cast<SessionState*>(user_data);
  if (count > 0 && pieces[0].iov_len >= sizeof(fuse_out_header)) {
    const auto& header = *static_cast<const fuse_out_header*>(pieces[0].iov_base);
    // This is no answer but a notice to the kernel, from any thread.
    if (header.unique == 0) return ::writev(fd, pieces, count);
    trace_reply(header);
    if (header.error != 0) session.last_failed_request = header.unique;
    if (session.init_request != 0 && header.unique == session.init_request && count > 1 &&
        pieces[1].iov_len >= offsetof(fuse_init_out, max_background)) {
      static_cast<fuse_init_out*>(pieces[1].iov_base)->flags |= session.more_init_flags;
    }
  }
  return ::writev(fd, pieces, count);
}

ssize_t read_request(int fd, void* buffer, std::size_t size, void*) {
  return ::read(fd, buffer, size);
}

/// Requests that are received in a row.
constexpr int kMostAtOnce = 16;

Result<> make_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    return Error{errno, "/dev/fuse cannot be made non-blocking"};
  }
  return {};
}

}  // namespace

SessionState::~SessionState() {
  if (fuse == nullptr) return;
  if (mounted) fuse_session_unmount(fuse);
  fuse_session_destroy(fuse);
}

// Receives one request a call while requests come singly, which saves a read that finds nothing;
// several while they queue. A large request is served before the next is received: it is still in
// the processor's cache, and its buffer is then free for the next.
bool SessionState::readable() {
  constexpr ssize_t kLarge = 128 << 10;
  for (int i = 0; i < kMostAtOnce; ++i) {
    auto buffer = must_rest() ? nullptr : buffers.take();
    if (buffer == nullptr) {
      rest();
      return i > 0;
    }
    const ssize_t size = ::read(fd, buffer.get(), kRequestBufferSize);
    if (size < 0) {
      if (errno == EINTR || errno == ENOENT) continue;  // ENOENT: the request was withdrawn
      if (errno != EAGAIN) let_go();
      return i > 0 || gone;
    }
    begin(std::move(buffer), static_cast<std::size_t>(size));
    if (gone || in_flight == 1 || size >= kLarge) break;
  }
  return true;
}

void SessionState::catch_up() {
  if (!rests && !gone) readable();
  thread::yield();
}

void SessionState::begin(RequestBuffers::Buffer buffer, std::size_t size) {
  Received request{.buffer = std::move(buffer), .size = size, .at_ns = monotonic_ns()};
  request.is_bounded = !concerns_control(request.header(), size);
  const bool must_wait =
      request.header().opcode == FUSE_LSEEK && open_writers.has(request.header().nodeid);
  request.buffer =
      buffers.fitted(std::move(request.buffer), size, !request.is_bounded || must_wait);
  ++in_flight;
  if (must_wait) return collect_later(std::move(request));
  if (request.is_bounded) ++bounded;
  spawn(std::move(request));
}

void SessionState::spawn(Received request) {
  const fuse_in_header header = request.header();
  const bool is_bounded = request.is_bounded;
  const auto spawned = thread::spawn_detached(
      "request", [this, held = std::move(request)]() mutable { serve(std::move(held)); });
  if (spawned.ok()) return;
  refuse(header, spawned.error());
  if (is_bounded) --bounded;
  // The kernel does not ask again, and whoever waits for the mount to answer would for ever.
  if (header.opcode == FUSE_INIT) {
    outcome = spawned.error();
    let_go();
  }
}

void SessionState::refuse(const fuse_in_header& header, const Error& reason) {
  log(LogLevel::kError, reason.describe());
  reply_raw(*this, header.unique, reason.code, {});
  end_request();
}

void SessionState::end_request() {
  --in_flight;
  if (gone && in_flight == 0) finished.set();
}

void SessionState::collect_later(Received request) {
  waiting_for_writes.push_back(std::move(request));
  if (collectors >= kMostCollectors) return;
  ++collectors;
  const auto spawned = thread::spawn_detached("collector of writes", [this] { collect(); });
  if (spawned.ok() || --collectors > 0) return;
  refuse(waiting_for_writes.back().header(), spawned.error());
  waiting_for_writes.pop_back();
}

void SessionState::collect() {
  while (!waiting_for_writes.empty()) {
    Received request = std::move(waiting_for_writes.front());
    waiting_for_writes.pop_front();
    const auto collected = collect_writes(*this, request.header().nodeid);
    if (collected.ok()) {
      ++bounded;
      serve(std::move(request));
    } else {
      refuse(request.header(), collected.error());
    }
  }
  --collectors;
}

// If there are only requests that may wait for others, nothing would ever end the rest: then the
// descriptor is looked at again at once.
void SessionState::rest() {
  if (bounded == 0) return;
  rests = true;
  thread::Runtime::current()->unwatch(fd);
}

void SessionState::leave_bound() {
  --bounded;
  if (!rests || gone || must_rest() || bounded + kMostAtOnce > kMostBounded) return;
  rests = false;
  const auto watched = thread::Runtime::current()->watch(fd, *this);
  if (watched.ok()) return;
  outcome = watched.error();
  let_go();
}

void SessionState::let_go() {
  gone = true;
  for (Interruption* reading : interruptible) reading->interrupt();
  for (const auto& [request, work] : raw_interruptible) work->interrupt();
  thread::Runtime::current()->unwatch(fd);
  if (in_flight == 0) finished.set();
}

void SessionState::serve(Received request) {
  const fuse_in_header& header = request.header();
  const std::uint32_t opcode = header.opcode;
  const std::uint64_t number = header.unique;
  if (request.is_bounded) {
    requests_begun.store(requests_begun.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    trace_request(*this, header, request.size);
    count_file(busy_files, header, request.size, request.at_ns);
    // Before the answer, so that who has it finds the kernel told.
    if (opcode == FUSE_WRITE) kernel_cache.follow(options.free_bytes());
  }
  perform({request.buffer.get(), request.size});
  if (request.is_bounded)
    statistics.add(opcode, monotonic_ns() - request.at_ns, last_failed_request == number);
  if (opcode == FUSE_INIT) {
    kernel_cache.widen(options.mount_point, options.free_bytes());
    if (ready) ready();
    guard_mount(options.mount_point);  // nobody waits for it now
  }
  request.buffer.reset();
  if (request.is_bounded) leave_bound();
  end_request();
}

void SessionState::perform(std::span<std::byte> raw) {
  const auto& header = *reinterpret_cast<const fuse_in_header*>(raw.data());
  switch (header.opcode) {
    case protocol::kStatx:
      return serve_statx(*this, header);
    case protocol::kTemporaryFile:
      return serve_temporary_file(*this, header);
    case FUSE_SETXATTR:
      if ((more_init_flags & FUSE_SETXATTR_EXT) != 0) return serve_set_xattr(*this, header);
      break;
    case FUSE_INTERRUPT:
      if (serve_interrupt(*this, header)) return;
      break;
    case FUSE_INIT:
      init_request = header.unique;
      more_init_flags = wanted_beyond_libfuse(header);
      break;
    default:
      break;
  }
  fuse_buf buffer{};
  buffer.size = raw.size();
  buffer.mem = raw.data();
  current = &header;
  fuse_session_process_buf(fuse, &buffer);
}

void reply_raw(SessionState& session, std::uint64_t request, int error,
               std::span<const std::byte> body) {
  fuse_out_header header{};
  header.unique = request;
  header.error = -error;
  if (error != 0) body = {};
  header.len = static_cast<std::uint32_t>(sizeof header + body.size());
  iovec pieces[2] = {{&header, sizeof header}, {const_cast<std::byte*>(body.data()), body.size()}};
  // The kernel has dropped a request that was interrupted (ENOENT); then nobody waits for this
  // answer.
  (void)write_answer(session.fd, pieces, body.empty() ? 1 : 2, &session);
}

Session::Session(std::unique_ptr<SessionState> state) : state_(std::move(state)) {}
Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::mount(Options options, Tree& volume, Tree& control) {
  open_host_proc();
  auto state = std::make_unique<SessionState>(std::move(options), volume, control);
  if (!state->buffers.prepare()) return Error{ENOMEM, "there is no memory for requests"};
  std::string program = "spindle";
  std::string text = mount_options(state->options);
  std::string debug = "-d";
  char* arguments[] = {program.data(), text.data(), debug.data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(state->options.debug ? 3 : 2, arguments);

  state->fuse = fuse_session_new(&args, &fuse_operations(), sizeof(fuse_lowlevel_ops), state.get());
  fuse_opt_free_args(&args);
  if (state->fuse == nullptr) return Error{EINVAL, "libfuse refuses the mount options"};
  if (fuse_session_mount(state->fuse, state->options.mount_point.c_str()) != 0) {
    return Error{errno != 0 ? errno : EIO, "the file system cannot be mounted there"};
  }
  state->mounted = true;
  state->fd = fuse_session_fd(state->fuse);
  TRY(make_nonblocking(state->fd));
  const fuse_custom_io io{.writev = write_answer,
                          .read = read_request,
                          .splice_receive = nullptr,
                          .splice_send = nullptr};
  if (fuse_session_custom_io(state->fuse, &io, state->fd) != 0) {
    return Error{EIO, "libfuse refuses to hand its answers over"};
  }
  return std::unique_ptr<Session>(new Session(std::move(state)));
}

Result<> Session::serve(const std::function<void()>& ready) {
  thread::Runtime& runtime = *thread::Runtime::current();
  const thread::Runtime::ExternalWork kernel(runtime);
  state_->ready = ready;
  TRY(runtime.watch(state_->fd, *state_));
  state_->finished.wait();
  return state_->outcome;
}

// Another process unmounts: while the kernel does it, it may still ask this one to write. /dev/fuse
// stays open, so that serve() sees the end of the mount and not a descriptor that is gone.
void Session::unmount() {
  const pid_t child = ::fork();
  if (child < 0) {
    log(LogLevel::kError, "no process could be made to unmount");
    return;
  }
  if (child == 0) {
    // A grandchild, so that nobody has to wait for it.
    if (::fork() == 0) {
      const char* place = state_->options.mount_point.c_str();
      if (::geteuid() == 0) ::_exit(::umount2(place, MNT_DETACH) == 0 ? 0 : 1);
      ::execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", place, nullptr);
    }
    ::_exit(0);
  }
  (void)::waitpid(child, nullptr, 0);
}

void Session::content_changed(NodeId file) {
  (void)fuse_lowlevel_notify_inval_inode(state_->fuse, file, 0, 0);
}

void Session::name_changed(NodeId directory, const std::string& name) {
  (void)fuse_lowlevel_notify_inval_entry(state_->fuse, directory, name.c_str(), name.size());
}

RequestStatistics& Session::statistics() {
  return state_->statistics;
}

std::uint64_t Session::requests_begun() const {
  return state_->requests_begun.load(std::memory_order_relaxed);
}

BusyFiles& Session::busy_files() {
  return state_->busy_files;
}

}  // namespace spindle
