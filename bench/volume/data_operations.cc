// Reading and writing files of data.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include "bench/volume/host_file.h"
#include "bench/volume/workload.h"
#include "spindle/base/random.h"

namespace spindle::bench {
namespace {

constexpr std::size_t kAlignment = 4096;  // what O_DIRECT asks of memory

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// A request's memory, filled with bytes that do not compress.
class Buffer {
 public:
  Buffer(std::uint64_t size, std::uint64_t seed)
      : size_(size),
        bytes_(static_cast<std::byte*>(
            std::aligned_alloc(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment))) {
    Random random(seed);
    for (std::uint64_t at = 0; at < size; at += sizeof(std::uint64_t)) {
      const std::uint64_t word = random();
      std::memcpy(bytes_.get() + at, &word, std::min<std::uint64_t>(sizeof word, size - at));
    }
  }
  [[nodiscard]] std::span<std::byte> bytes() { return {bytes_.get(), size_}; }

 private:
  std::uint64_t size_;
  std::unique_ptr<std::byte, Free> bytes_;
};

std::string data_path(const Workload& workload, std::uint32_t job) {
  return workload.directory + "/data-" + std::to_string(job);
}

// The offsets of a job's requests, one after the other.
class Offsets {
 public:
  Offsets(const Workload& workload, std::uint32_t job)
      : random_(workload.seed * 1000 + job),
        request_size_(workload.request_size),
        in_file_(workload.file_size / workload.request_size),
        left_(workload.random ? workload.requests : in_file_),
        at_random_(workload.random) {}

  bool next(std::uint64_t& offset) {
    if (left_ == 0) return false;
    --left_;
    offset = (at_random_ ? random_.below(in_file_) : next_++) * request_size_;
    return true;
  }

 private:
  Random random_;
  std::uint64_t request_size_;
  std::uint64_t in_file_;
  std::uint64_t left_;
  std::uint64_t next_ = 0;
  bool at_random_;
};

Result<> write_all(int descriptor, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done <= 0) return host_error("a write has failed");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<> read_all(int descriptor, std::span<std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    errno = 0;
    const ssize_t done =
        ::pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done <= 0) return host_error("a read has failed, or the file is shorter than expected");
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<Amount> write_file(const Workload& workload, std::uint32_t job) {
  Buffer buffer(workload.request_size, workload.seed + job);
  HostFile file = TRY(HostFile::open(data_path(workload, job),
                                     O_WRONLY | O_CREAT | (workload.direct ? O_DIRECT : 0)));
  Amount amount;
  Offsets offsets(workload, job);
  for (std::uint64_t offset = 0; offsets.next(offset);) {
    TRY(write_all(file.descriptor(), buffer.bytes(), offset));
    if (workload.sync == Sync::kEach) TRY(file.sync());
    ++amount.operations;
    amount.bytes += workload.request_size;
  }
  if (workload.sync == Sync::kAtEnd) TRY(file.sync());
  TRY(file.close());
  return amount;
}

Result<Amount> read_file(const Workload& workload, std::uint32_t job) {
  Buffer buffer(workload.request_size, workload.seed);
  HostFile file =
      TRY(HostFile::open(data_path(workload, job), O_RDONLY | (workload.direct ? O_DIRECT : 0)));
  Amount amount;
  Offsets offsets(workload, job);
  for (std::uint64_t offset = 0; offsets.next(offset);) {
    TRY(read_all(file.descriptor(), buffer.bytes(), offset));
    ++amount.operations;
    amount.bytes += workload.request_size;
  }
  TRY(file.close());
  return amount;
}

}  // namespace

Result<Outcome> write_data(const Workload& workload) {
  return run_jobs(workload.jobs, [&](std::uint32_t job) { return write_file(workload, job); });
}

Result<Outcome> read_data(const Workload& workload) {
  return run_jobs(workload.jobs, [&](std::uint32_t job) { return read_file(workload, job); });
}

}  // namespace spindle::bench
