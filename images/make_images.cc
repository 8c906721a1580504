// Writes all golden images to a folder, as NAME.img, and the manifest of their files.

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "golden.h"
#include "model/mounted_volume.h"

namespace spindle::test {
namespace {

void write_image(const std::filesystem::path& path, const MemoryDevice& device) {
  std::vector<std::byte> bytes(device.size_bytes());
  device.peek(0, bytes);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

// What a mount finds, for the images that are whole.
std::string read_manifest(MemoryDevice device) {
  std::string text;
  in_runtime([&] {
    auto volume = mounted(device);
    text = manifest_of(must(read_items(*volume)));
    must(volume->unmount());
  });
  return text;
}

int make_all(const std::filesystem::path& folder) {
  std::ofstream manifest(folder / "MANIFEST");
  for (const GoldenImage& image : golden_images()) {
    const MemoryDevice device = image.make();
    write_image(folder / (std::string(image.name) + ".img"), device);
    const bool is_whole = image.damage[0] == '\0';
    if (is_whole) manifest << "[" << image.name << "]\n" << read_manifest(device);
  }
  manifest.close();
  return manifest.good() ? 0 : 1;
}

}  // namespace
}  // namespace spindle::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_images FOLDER\n");
    return 2;
  }
  return spindle::test::make_all(argv[1]);
}
