// Desk: a mounted volume whose clock stands still until it is told.
#pragma once

#include "mounted_volume.h"

namespace spindle::test {

constexpr Caller kCaller{.uid = 7, .gid = 8, .umask = 022};

struct Desk {
  explicit Desk(const VolumeOptions& options = {}) : device(formatted(options)) { mount(); }

  void mount(FileSystem::Options options = {}) {
    options.clock = [this] { return Timestamp{.seconds = now, .nanoseconds = 5}; };
    options.report = [this](std::string_view line) { reports.emplace_back(line); };
    volume = mounted(device, options);
  }
  Attributes at(NodeId node) { return must(volume->attributes(node)); }
  NodeId file(std::string_view name, NodeId in = kRootNode) {
    return must(volume->create(kCaller, in, name, 0666)).node;
  }

  MemoryDevice device;
  std::int64_t now = 2'000'000;
  std::vector<std::string> reports;
  std::unique_ptr<FileSystem> volume;
};

}  // namespace spindle::test
