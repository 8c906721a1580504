// fuse.requests: one small FUSE daemon, served in two ways: by a Spindle thread for each request,
// on one kernel thread, and by libfuse's own pool of kernel threads. Clients, kernel threads of
// another process, read 4 KiB at random places of a file, or create and unlink files.
//
//   threads_fuse [SECONDS [REPETITIONS]]     for each job and number of clients; needs /dev/fuse
//
// Both run the same code for a request (Volume), except for the lock and the read of the host's
// file. Each measurement has a fresh daemon, the two ways take turns, and the medians are printed.
#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/base/random.h"
#include "spindle/base/temporary_folder.h"
#include "spindle/thread/event.h"
#include "spindle/thread/file_io.h"
#include "spindle/thread/linger.h"
#include "spindle/thread/mutex.h"
#include "spindle/thread/runtime.h"
#include "spindle/thread/thread.h"

namespace {

constexpr std::size_t kBlockBytes = 4096;
constexpr std::size_t kFileBytes = 64 << 20;
constexpr std::size_t kMostWritten = 128 << 10;
constexpr std::size_t kRequestBytes = kMostWritten + 4096;
constexpr fuse_ino_t kData = 2;
constexpr double kAnswersStaySeconds = 1;

[[noreturn]] void stop(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// One directory: the file "data", which is a file of the host, and empty ones that come and go.
template <class Way>
class Volume {
 public:
  explicit Volume(int data) : data_(data) {}

  static const fuse_lowlevel_ops& operations() {
    static const fuse_lowlevel_ops table = [] {
      fuse_lowlevel_ops ops = {};
      ops.init = [](void*, fuse_conn_info* kernel) { kernel->max_write = kMostWritten; };
      ops.lookup = look_up;
      ops.getattr = get_attributes;
      ops.open = open;
      ops.read = read;
      ops.create = create;
      ops.unlink = unlink;
      return ops;
    }();
    return table;
  }

 private:
  static Volume& of(fuse_req_t request) {
    return *static_cast<Volume*>(fuse_req_userdata(request));
  }
  static struct stat attributes(fuse_ino_t node) {
    struct stat found = {};
    found.st_ino = node;
    found.st_mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
    found.st_nlink = 1;
    found.st_size = node == kData ? static_cast<off_t>(kFileBytes) : 0;
    return found;
  }
  static fuse_entry_param entry(fuse_ino_t node) {
    fuse_entry_param found = {};
    found.ino = node;
    found.attr = attributes(node);
    found.attr_timeout = found.entry_timeout = kAnswersStaySeconds;
    return found;
  }

  static void look_up(fuse_req_t request, fuse_ino_t, const char* name) {
    Volume& volume = of(request);
    fuse_ino_t node = 0;
    {
      const std::lock_guard lock(volume.mutex_);
      const auto at = volume.names_.find(name);
      if (at != volume.names_.end()) node = at->second;
    }
    if (node == 0) {
      fuse_reply_err(request, ENOENT);
      return;
    }
    const fuse_entry_param found = entry(node);
    fuse_reply_entry(request, &found);
  }
  static void get_attributes(fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    const struct stat found = attributes(node);
    fuse_reply_attr(request, &found, kAnswersStaySeconds);
  }
  static void open(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    file->direct_io = 1;  // each read is a request
    fuse_reply_open(request, file);
  }
  static void read(fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info*) {
    std::array<std::byte, kBlockBytes> block;
    const std::size_t wanted = std::min(size, block.size());
    if (!Way::read_at(of(request).data_, {block.data(), wanted}, offset)) {
      fuse_reply_err(request, EIO);
      return;
    }
    fuse_reply_buf(request, reinterpret_cast<const char*>(block.data()), wanted);
  }
  static void create(fuse_req_t request, fuse_ino_t, const char* name, mode_t,
                     fuse_file_info* file) {
    Volume& volume = of(request);
    fuse_ino_t node = 0;
    {
      const std::lock_guard lock(volume.mutex_);
      node = volume.names_[name] = volume.next_++;
    }
    const fuse_entry_param made = entry(node);
    fuse_reply_create(request, &made, file);
  }
  static void unlink(fuse_req_t request, fuse_ino_t, const char* name) {
    Volume& volume = of(request);
    std::size_t erased = 0;
    {
      const std::lock_guard lock(volume.mutex_);
      erased = volume.names_.erase(name);
    }
    fuse_reply_err(request, erased != 0 ? 0 : ENOENT);
  }

  const int data_;
  typename Way::Mutex mutex_;
  std::map<std::string, fuse_ino_t> names_ = {{"data", kData}};
  fuse_ino_t next_ = kData + 1;
};

/// libfuse's loop of kernel threads.
struct Pool {
  using Mutex = std::mutex;
  static bool read_at(int fd, std::span<std::byte> to, off_t offset) {
    return pread(fd, to.data(), to.size(), offset) == static_cast<ssize_t>(to.size());
  }
  static void serve(fuse_session* session) {
    fuse_loop_config* const config = fuse_loop_cfg_create();
    fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
  }
};

/// A thread for each request, as Spindle's daemon serves.
class ThreadARequest : public spindle::thread::FdWatcher {
 public:
  using Mutex = spindle::thread::Mutex;
  static bool read_at(int fd, std::span<std::byte> to, off_t offset) {
    const auto count = spindle::thread::read_at(fd, to, static_cast<std::uint64_t>(offset));
    return count.ok() && *count == to.size();
  }
  static void serve(fuse_session* session) {
    constexpr std::int64_t kLingerNs = 50'000;  // as the daemon
    spindle::thread::set_linger_ns(kLingerNs);
    auto runtime = spindle::thread::Runtime::create().take();
    runtime
        ->run([&] {
          ThreadARequest server(session);
          const spindle::thread::Runtime::ExternalWork kernel(*runtime);
          runtime->watch(server.fd_, server).take();
          server.gone_.wait();
        })
        .take();
  }

  bool readable() override {
    constexpr int kMostAtOnce = 16;
    for (int i = 0; i < kMostAtOnce && !gone_.is_set(); ++i) {
      auto buffer = take_buffer();
      const ssize_t size = ::read(fd_, buffer.get(), kRequestBytes);
      if (size < 0) {
        free_.push_back(std::move(buffer));
        if (errno == EINTR || errno == ENOENT) continue;
        if (errno == EAGAIN) return i > 0;
        spindle::thread::Runtime::current()->unwatch(fd_);
        gone_.set();
        return true;
      }
      serve_in_thread(std::move(buffer), static_cast<std::size_t>(size));
      if (in_flight_ == 1) break;
    }
    return true;
  }

 private:
  using Buffer = std::unique_ptr<std::byte[]>;

  explicit ThreadARequest(fuse_session* session)
      : session_(session), fd_(fuse_session_fd(session)) {
    if (fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK) != 0) stop("/dev/fuse");
  }
  Buffer take_buffer() {
    if (free_.empty()) return std::make_unique_for_overwrite<std::byte[]>(kRequestBytes);
    Buffer buffer = std::move(free_.back());
    free_.pop_back();
    return buffer;
  }
  void serve_in_thread(Buffer buffer, std::size_t size) {
    ++in_flight_;
    spindle::thread::spawn_detached("request", [this, held = std::move(buffer), size]() mutable {
      fuse_buf raw = {};
      raw.size = size;
      raw.mem = held.get();
      fuse_session_process_buf(session_, &raw);
      free_.push_back(std::move(held));
      --in_flight_;
    }).take();
  }

  fuse_session* const session_;
  const int fd_;
  std::size_t in_flight_ = 0;
  std::vector<Buffer> free_;
  spindle::thread::Event gone_;
};

/// The daemon; runs until it is unmounted.
template <class Way>
[[noreturn]] void serve(const std::string& place, int data, int ready) {
  Volume<Way> volume(data);
  std::string program = "threads_fuse";
  char* arguments[] = {program.data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(1, arguments);
  fuse_session* const session =
      fuse_session_new(&args, &Volume<Way>::operations(), sizeof(fuse_lowlevel_ops), &volume);
  if (session == nullptr || fuse_session_mount(session, place.c_str()) != 0) stop("mount");
  if (write(ready, "x", 1) != 1) stop("write");
  Way::serve(session);
  _exit(0);
}

struct Job {
  const char* name;
  void (*once)(const std::string& place, int fd, spindle::Random& random, int client);
};

void read_at_random(const std::string&, int fd, spindle::Random& random, int) {
  std::array<char, kBlockBytes> block;
  const auto offset = static_cast<off_t>(random.below(kFileBytes / kBlockBytes) * kBlockBytes);
  if (pread(fd, block.data(), block.size(), offset) != kBlockBytes) stop("pread");
}

void create_and_unlink(const std::string& place, int, spindle::Random&, int client) {
  const std::string path = place + "/" + std::to_string(client);
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644);
  if (fd < 0 || close(fd) != 0 || unlink(path.c_str()) != 0) stop("create and unlink");
}

constexpr std::array<Job, 2> kJobs = {
    Job{"random read of 4 KiB", read_at_random},
    Job{"create and unlink", create_and_unlink},
};

struct Measured {
  double a_second = 0;
  double p99_us = 0;
  double cpu_us = 0;
};

/// Runs the clients for that long; returns the time of each operation in ns.
std::vector<std::int64_t> run_clients(const Job& job, const std::string& place, int clients,
                                      std::int64_t duration_ns) {
  std::vector<std::vector<std::int64_t>> took(static_cast<std::size_t>(clients));
  const std::int64_t end_ns = spindle::monotonic_ns() + duration_ns;
  {
    std::vector<std::jthread> threads;
    for (int client = 0; client < clients; ++client) {
      threads.emplace_back([&, client] {
        spindle::Random random(static_cast<std::uint64_t>(client) + 1);
        const int fd = open((place + "/data").c_str(), O_RDONLY);
        if (fd < 0) stop("open");
        std::int64_t begin_ns = spindle::monotonic_ns();
        while (begin_ns < end_ns) {
          job.once(place, fd, random, client);
          const std::int64_t now_ns = spindle::monotonic_ns();
          took[static_cast<std::size_t>(client)].push_back(now_ns - begin_ns);
          begin_ns = now_ns;
        }
        close(fd);
      });
    }
  }
  std::vector<std::int64_t> all;
  for (const auto& one : took) all.insert(all.end(), one.begin(), one.end());
  std::sort(all.begin(), all.end());
  return all;
}

template <class Way>
Measured measure(const Job& job, const std::string& place, int data, int clients, double seconds) {
  int ready[2];
  if (pipe(ready) != 0) stop("pipe");
  const pid_t daemon = fork();
  if (daemon < 0) stop("fork");
  if (daemon == 0) serve<Way>(place, data, ready[1]);
  close(ready[1]);
  char byte = 0;
  if (read(ready[0], &byte, 1) != 1) std::exit(1);
  close(ready[0]);
  const auto took = run_clients(job, place, clients, static_cast<std::int64_t>(seconds * 1e9));
  if (umount2(place.c_str(), MNT_DETACH) != 0) stop("umount");
  rusage usage = {};
  int status = 0;
  if (wait4(daemon, &status, 0, &usage) != daemon || status != 0) stop("the daemon failed");
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  const auto count = static_cast<double>(took.size());
  return {count / seconds, static_cast<double>(took[took.size() * 99 / 100]) / 1e3,
          (us(usage.ru_utime) + us(usage.ru_stime)) / count};
}

double median(const std::vector<Measured>& all, double Measured::*of) {
  std::vector<double> values;
  for (const Measured& one : all) values.push_back(one.*of);
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void print(const Job& job, int clients, const char* way, const std::vector<Measured>& all) {
  std::printf("fuse.requests, %s, %d clients, %s: %.0f a second, p99 %.0f us, %.1f us of CPU\n",
              job.name, clients, way, median(all, &Measured::a_second),
              median(all, &Measured::p99_us), median(all, &Measured::cpu_us));
  std::fflush(stdout);
}

int make_data(const std::string& path) {
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  const std::vector<char> block(1 << 20, 'x');
  for (std::size_t at = 0; at < kFileBytes; at += block.size()) {
    if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) stop("write");
  }
  unlink(path.c_str());
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 1;
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 3;
  if (seconds <= 0 || repetitions <= 0) {
    std::fprintf(stderr, "usage: threads_fuse [SECONDS [REPETITIONS]]\n");
    return 2;
  }
  const std::string place = spindle::make_temporary_folder("threads_fuse").take();
  const int data = make_data(place + ".data");
  for (const Job& job : kJobs) {
    for (const int clients : {1, 4, 16, 64, 256}) {
      std::vector<Measured> own, pool;
      for (int i = 0; i < repetitions; ++i) {
        own.push_back(measure<ThreadARequest>(job, place, data, clients, seconds));
        pool.push_back(measure<Pool>(job, place, data, clients, seconds));
      }
      print(job, clients, "a thread each", own);
      print(job, clients, "pool", pool);
    }
  }
  rmdir(place.c_str());
}
