// What the tests of traces have in common: the sample traces, and files of a test's own.
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace spindle {

/// One of tests/data/traces.
inline std::string sample(const std::string& name) {
  return SPINDLE_SOURCE_FOLDER "/tests/data/traces/" + name;
}

/// A file with this content, for as long as the object lives.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content)
      : path_(testing::TempDir() + "trace." +
              testing::UnitTest::GetInstance()->current_test_info()->name() + "." +
              std::to_string(::getpid())) {
    std::ofstream file(path_, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace spindle
