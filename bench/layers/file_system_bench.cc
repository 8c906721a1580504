// Operations of a mounted volume as the session asks for them, without the kernel: what a request
// costs above its two crossings.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "bench/layers/layer_bench.h"
#include "spindle/base/random.h"

namespace spindle::bench {
namespace {

constexpr std::uint64_t kVolumeSize = 2u << 30;  // with room for 131,072 inodes
constexpr Caller kCaller{};

// Runs `body` on a mounted volume.
void on_volume(const std::function<void(FileSystem& volume)>& body) {
  MemoryDevice device = formatted_device(kVolumeSize);
  in_runtime([&] {
    const auto volume = FileSystem::mount(device, {}, {}).take();
    body(*volume);
    volume->unmount().take();
  });
}

std::vector<std::string> make_files(FileSystem& volume, NodeId directory, std::int64_t count) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < count; ++i) {
    names.push_back(fmt::format("file{:06}", i));
    volume.forget(volume.create(kCaller, directory, names.back(), 0644).take().node, 1);
  }
  return names;
}

void look_up(benchmark::State& state) {
  on_volume([&](FileSystem& volume) {
    const auto names = make_files(volume, kRootNode, state.range(0));
    Random random(1);
    for (auto _ : state) {
      volume.forget(volume.lookup(kRootNode, names[random.below(names.size())]).take().node, 1);
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(look_up)->Name("fs/look_up_name/directory_of")->Arg(10)->Arg(1000)->Arg(100000);

void look_up_path(benchmark::State& state) {
  constexpr int kDepth = 8;
  on_volume([&](FileSystem& volume) {
    NodeId directory = kRootNode;
    for (int depth = 0; depth < kDepth; ++depth) {
      make_files(volume, directory, 50);
      directory = volume.make_directory(kCaller, directory, "deeper", 0755).take().node;
    }
    for (auto _ : state) {
      NodeId at = kRootNode;
      for (int depth = 0; depth < kDepth; ++depth) {
        const NodeId next = volume.lookup(at, "deeper").take().node;
        if (at != kRootNode) volume.forget(at, 1);
        at = next;
      }
      volume.forget(at, 1);
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(look_up_path)->Name("fs/look_up_path_of_8");

void create_and_unlink(benchmark::State& state) {
  on_volume([&](FileSystem& volume) {
    std::uint64_t count = 0;
    for (auto _ : state) {
      const std::string name = fmt::format("new{}", ++count);
      const NodeId node = volume.create(kCaller, kRootNode, name, 0644).take().node;
      volume.unlink(kRootNode, name).take();
      volume.forget(node, 1);
    }
  });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(create_and_unlink)->Name("fs/create_and_unlink");

void read_cached(benchmark::State& state) {
  constexpr std::uint64_t kFileSize = 16u << 20;
  const auto size = static_cast<std::size_t>(state.range(0));
  on_volume([&](FileSystem& volume) {
    const NodeId node = volume.create(kCaller, kRootNode, "data", 0644).take().node;
    const std::vector<std::byte> bytes(1u << 20, std::byte{1});
    for (std::uint64_t at = 0; at < kFileSize; at += bytes.size()) {
      volume.write(node, 0, at, bytes, Setuid::kKeep).take();
    }
    Random random(1);
    const auto take = [](auto pieces) { benchmark::DoNotOptimize(pieces.data()); };
    for (auto _ : state) {
      volume.read(node, 0, random.below(kFileSize / size) * size, size, take).take();
    }
    volume.forget(node, 1);
  });
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(read_cached)->Name("fs/read_cached/bytes")->Arg(4096)->Arg(131072)->Arg(1 << 20);

void overwrite(benchmark::State& state) {
  constexpr std::uint64_t kFileSize = 4u << 20;
  const auto size = static_cast<std::size_t>(state.range(0));
  on_volume([&](FileSystem& volume) {
    const NodeId node = volume.create(kCaller, kRootNode, "data", 0644).take().node;
    const std::vector<std::byte> bytes(size, std::byte{1});
    std::uint64_t count = 0;
    for (auto _ : state) {
      volume.write(node, 0, ++count * size % kFileSize, bytes, Setuid::kKeep).take();
    }
    volume.forget(node, 1);
  });
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(overwrite)->Name("fs/overwrite_cached/bytes")->Arg(4096)->Arg(131072)->Arg(1 << 20);

}  // namespace
}  // namespace spindle::bench
