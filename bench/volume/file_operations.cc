// Making, listing, and removing many small files.

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <vector>

#include "bench/volume/host_file.h"
#include "bench/volume/workload.h"
#include "spindle/base/random.h"

namespace spindle::bench {
namespace {

std::string folder_path(const Workload& workload, std::uint64_t folder) {
  return fmt::format("{}/d{:03}", workload.directory, folder);
}

// `kind` is the first letter of the name; `shift` folders further on than where it was made.
std::string file_path(const Workload& workload, std::uint64_t file, char kind,
                      std::uint64_t shift = 0) {
  const std::uint64_t in_each = (workload.files + workload.directories - 1) / workload.directories;
  return fmt::format("{}/{}{:06}",
                     folder_path(workload, (file / in_each + shift) % workload.directories), kind,
                     file);
}

using FileWork = std::function<Result<std::uint64_t>(std::uint64_t file)>;

// Does `work`, which returns the bytes that it moved, to each file or to the sample.
Result<Outcome> for_files(const Workload& workload, const FileWork& work) {
  return run_jobs(workload.jobs, [&](std::uint32_t job) -> Result<Amount> {
    Amount amount;
    Random random(workload.seed * 1000 + job);
    const std::uint64_t total = workload.sample != 0 ? workload.sample : workload.files;
    for (std::uint64_t i = job; i < total; i += workload.jobs) {
      const std::uint64_t file = workload.sample != 0 ? random.below(workload.files) : i;
      amount.bytes += TRY(work(file));
      ++amount.operations;
    }
    return amount;
  });
}

struct CloseDirectory {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

using EntryWork = std::function<Result<>(int folder, const char* name)>;

Result<std::uint64_t> read_folder(const std::string& path, const EntryWork& work) {
  const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(path.c_str()));
  if (stream == nullptr) return host_error("a directory cannot be opened");
  std::uint64_t entries = 0;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    TRY(work(::dirfd(stream.get()), entry->d_name));
    ++entries;
  }
  if (errno != 0) return host_error("a directory cannot be read");
  return entries;
}

Result<Outcome> for_entries(const Workload& workload, const EntryWork& work) {
  return run_jobs(workload.jobs, [&](std::uint32_t job) -> Result<Amount> {
    Amount amount;
    for (std::uint64_t i = job; i < workload.directories; i += workload.jobs) {
      amount.operations += TRY(read_folder(folder_path(workload, i), work));
    }
    if (workload.jobs == 1 && amount.operations < workload.files) {
      return Error{ENOENT, "the directories list fewer files than there are"};
    }
    return amount;
  });
}

Result<Outcome> unlink_names(const Workload& workload, char kind) {
  return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
    if (::unlink(file_path(workload, i, kind).c_str()) != 0) return host_error("unlink has failed");
    return 0;
  });
}

}  // namespace

Result<Outcome> create_files(const Workload& workload) {
  for (std::uint64_t i = 0; i < workload.directories; ++i) {
    if (::mkdir(folder_path(workload, i).c_str(), 0755) != 0 && errno != EEXIST) {
      return host_error("a directory cannot be made");
    }
  }
  const std::vector<char> content(workload.small_size, 's');
  return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
    HostFile file = TRY(HostFile::open(file_path(workload, i, 'f'), O_WRONLY | O_CREAT | O_EXCL));
    if (!content.empty()) {
      const ssize_t done = ::write(file.descriptor(), content.data(), content.size());
      if (done != static_cast<ssize_t>(content.size())) return host_error("a write has failed");
    }
    if (workload.sync == Sync::kEach) TRY(file.sync());
    TRY(file.close());
    return content.size();
  });
}

Result<Outcome> stat_files(const Workload& workload) {
  return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
    struct stat attributes;
    if (::stat(file_path(workload, i, 'f').c_str(), &attributes) != 0) {
      return host_error("stat has failed");
    }
    if (static_cast<std::uint64_t>(attributes.st_size) != workload.small_size) {
      return Error{EIO, "a file does not have the size that it was made with"};
    }
    return 0;
  });
}

Result<Outcome> list_directories(const Workload& workload) {
  return for_entries(workload, [](int, const char*) -> Result<> { return {}; });
}

Result<Outcome> list_attributes(const Workload& workload) {
  return for_entries(workload, [](int folder, const char* name) -> Result<> {
    struct stat attributes;
    if (::fstatat(folder, name, &attributes, AT_SYMLINK_NOFOLLOW) != 0) {
      return host_error("stat has failed");
    }
    return {};
  });
}

Result<Outcome> read_files(const Workload& workload) {
  return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
    char content[64 << 10];
    const HostFile file = TRY(HostFile::open(file_path(workload, i, 'f'), O_RDONLY));
    std::uint64_t total = 0;
    for (;;) {
      const ssize_t done = ::read(file.descriptor(), content, sizeof content);
      if (done < 0) return host_error("a read has failed");
      if (done == 0) break;
      total += static_cast<std::uint64_t>(done);
    }
    if (total != workload.small_size) {
      return Error{EIO, "a file does not have the size that it was made with"};
    }
    return total;
  });
}

Result<Outcome> link_files(const Workload& workload) {
  return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
    const std::string to = file_path(workload, i, 'l');
    if (::link(file_path(workload, i, 'f').c_str(), to.c_str()) != 0) {
      return host_error("link has failed");
    }
    return 0;
  });
}

Result<Outcome> rename_files(const Workload& workload) {
  const auto rename_all = [&](bool back) {
    return for_files(workload, [&](std::uint64_t i) -> Result<std::uint64_t> {
      const std::string here = file_path(workload, i, 'f');
      const std::string there = file_path(workload, i, 'r', 1);
      if (::rename((back ? there : here).c_str(), (back ? here : there).c_str()) != 0) {
        return host_error("rename has failed");
      }
      return 0;
    });
  };
  Outcome total = TRY(rename_all(false));
  const Outcome back = TRY(rename_all(true));
  total.seconds += back.seconds;
  total.amount.operations += back.amount.operations;
  return total;
}

Result<Outcome> remove_files(const Workload& workload) {
  return unlink_names(workload, 'f');
}

Result<Outcome> unlink_links(const Workload& workload) {
  return unlink_names(workload, 'l');
}

}  // namespace spindle::bench
