// The golden images mount and hold what the manifest says; in the broken ones a repair finds
// exactly what is broken, and leaves nothing; and their recipes always give the same bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "images/golden.h"
#include "model/mounted_volume.h"

namespace spindle::test {

void PrintTo(const GoldenImage& image, std::ostream* out) {
  *out << image.name;
}

namespace {

constexpr std::uint32_t kBlockSize = 1024;
const std::string kFolder = SPINDLE_SOURCE_DIR "/images/";

MemoryDevice load(const std::string& name) {
  const std::string command = "xz -dc '" + kFolder + name + ".img.xz'";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::vector<std::byte> bytes(4u << 20);
  const std::size_t size = std::fread(bytes.data(), 1, bytes.size(), pipe);
  EXPECT_EQ(::pclose(pipe), 0) << command;
  bytes.resize(size);
  MemoryDevice device(kBlockSize, size / kBlockSize);
  device.poke(0, bytes);
  return device;
}

// The part of the manifest that is about this image; "" if there is none.
std::string expected_manifest(const std::string& name) {
  std::ifstream file(kFolder + "MANIFEST");
  EXPECT_TRUE(file.good());
  std::string text;
  bool is_meant = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("[")) {
      is_meant = line == "[" + name + "]";
    } else if (is_meant) {
      text += line + "\n";
    }
  }
  return text;
}

std::string manifest_by_mount(MemoryDevice device) {
  std::string text;
  in_runtime([&] {
    auto volume = mounted(device);
    text = manifest_of(must(read_items(*volume)));
    must(volume->unmount());
  });
  const auto checked = check(device, fsck::Mode::kNo);
  EXPECT_TRUE(checked.ok() && checked->found == 0) << "not clean after the unmount";
  return text;
}

std::string codes_of(const fsck::CheckResult& result) {
  std::set<std::string> codes;
  for (const auto& finding : result.findings) {
    codes.insert(std::string(fsck::row_of(finding.problem).code));
  }
  std::string text;
  for (const std::string& code : codes) text += (text.empty() ? "" : " ") + code;
  return text;
}

// The row of the image in images/README.md.
std::string row_of(const GoldenImage& image) {
  std::string codes = image.damage[0] == '\0' ? "clean" : "`" + std::string(image.damage) + "`";
  for (std::size_t at = 0; (at = codes.find(' ', at)) != codes.npos; at += 4) {
    codes.replace(at, 1, "`, `");
  }
  return "| `" + std::string(image.name) + "` | " + image.what + " | " + codes + " |";
}

TEST(GoldenImages, AreInTheReadMe) {
  std::ifstream file(kFolder + "README.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const GoldenImage& image : golden_images()) {
    EXPECT_NE(text.str().find(row_of(image)), std::string::npos) << row_of(image);
  }
}

class Golden : public testing::TestWithParam<GoldenImage> {};

TEST_P(Golden, IsMadeWithTheSameBytesEachTime) {
  EXPECT_TRUE(GetParam().make().same_content(GetParam().make()));
}

TEST_P(Golden, HoldsWhatTheManifestSays) {
  const std::string expected = expected_manifest(GetParam().name);
  if (expected.empty()) {
    EXPECT_STRNE(GetParam().damage, "") << "a whole image has a part in the manifest";
  } else {
    EXPECT_EQ(manifest_by_mount(load(GetParam().name)), expected);
  }
}

TEST_P(Golden, IsRepaired) {
  MemoryDevice device = load(GetParam().name);
  const auto repaired = check(device, fsck::Mode::kYes);
  ASSERT_TRUE(repaired.ok()) << repaired.error().describe();
  EXPECT_EQ(codes_of(*repaired), GetParam().damage);
  EXPECT_EQ(repaired->left, 0u);
  const auto again = check(device, fsck::Mode::kNo);
  ASSERT_TRUE(again.ok()) << again.error().describe();
  EXPECT_EQ(codes_of(*again), "");
  manifest_by_mount(device);
}

INSTANTIATE_TEST_SUITE_P(Images, Golden, testing::ValuesIn(golden_images()),
                         [](const auto& chosen) {
                           std::string name = chosen.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace

}  // namespace spindle::test
