// Lines of operations are read back as they were written, and nothing else is taken for one.
#include "spindle/record/recording.h"

#include <gtest/gtest.h>

#include "spindle/base/random.h"

namespace spindle {
namespace {

std::string some_bytes(Random& random, std::size_t most) {
  std::string bytes(random.below(most), '\0');
  for (char& c : bytes) c = static_cast<char>(random.below(256));
  return bytes;
}

Operation some_operation(Random& random) {
  Operation o;
  o.kind = static_cast<Operation::Kind>(
      random.below(static_cast<std::uint64_t>(Operation::Kind::kSpace) + 1));
  o.begin_ns = static_cast<std::int64_t>(random.below(std::uint64_t{1} << 50));
  o.took_ns = static_cast<std::int64_t>(random.below(1'000'000));
  for (std::uint64_t* number : {&o.node, &o.other, &o.offset, &o.size, &o.mode, &o.flags})
    *number = random.below(60'000'000);
  o.error = static_cast<int>(random.below(134));
  o.name = some_bytes(random, 40);
  o.new_name = some_bytes(random, 40);
  o.data = some_bytes(random, 40);
  return o;
}

TEST(Recording, OperationsAreReadAsTheyWereWritten) {
  Random random(17);
  for (int i = 0; i < 2000; ++i) {
    const Operation operation = some_operation(random);
    const std::string line = operation_line(operation);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto read = parse_operation(line);
    ASSERT_TRUE(read.ok()) << line;
    EXPECT_EQ(*read, operation) << line;
    // A line that is cut anywhere is refused or another operation, and never does harm.
    static_cast<void>(parse_operation(line.substr(0, random.below(line.size()))).ok());
  }
}

TEST(Recording, NumbersThatNoFileSystemWouldTakeAreRefused) {
  Operation operation;
  operation.kind = Operation::Kind::kWrite;
  EXPECT_TRUE(parse_operation(operation_line(operation)).ok());
  operation.size = std::uint64_t{1} << 40;
  EXPECT_EQ(parse_operation(operation_line(operation)).code(), EINVAL);
  operation.kind = Operation::Kind::kAllocate;
  EXPECT_TRUE(parse_operation(operation_line(operation)).ok());
  operation.offset = UINT64_MAX;
  EXPECT_EQ(parse_operation(operation_line(operation)).code(), EINVAL);
}

TEST(Recording, IsReadAsItWasWritten) {
  Recording recording;
  recording.block_size = 4096;
  recording.blocks = 1000;
  recording.inodes = 64;
  recording.settings = {{"disk", "7200rpm"}, {"fit", "near"}};
  recording.command = "sh -c 'a b'\n";
  recording.files = {{12, 0100644, 5000, 16, "a file"},
                     {13, 0120777, 3, 0, std::string("l\0t", 3)}};
  Random random(5);
  std::string text = recording_head(recording);
  for (int i = 0; i < 50; ++i) text += "op " + operation_line(some_operation(random)) + "\n";
  const auto read = parse_recording(text + "end 50\n");
  ASSERT_TRUE(read.ok()) << read.error().describe();
  EXPECT_EQ(recording_head(*read), recording_head(recording));
  ASSERT_EQ(read->operations.size(), 50u);
  for (std::size_t i = 1; i < 50; ++i)
    EXPECT_LE(read->operations[i - 1].begin_ns, read->operations[i].begin_ns);

  EXPECT_EQ(parse_recording(text).code(), EINVAL);  // cut off
  EXPECT_EQ(parse_recording(text + "end 51\n").code(), EINVAL);
  EXPECT_EQ(parse_recording(text + "lost\nend 50\n").code(), EINVAL);
  EXPECT_EQ(parse_recording("spindle-recording 2\n").code(), EINVAL);
  EXPECT_EQ(parse_recording("").code(), EINVAL);
  EXPECT_EQ(parse_recording("spindle-recording 1\nvolume 4095 1 1\nend 0\n").code(), EINVAL);
  EXPECT_EQ(parse_recording("spindle-recording 1\nvolume 4096 99999999999999 1\nend 0\n").code(),
            EINVAL);
  // With any byte changed, it is read or refused, and nothing else happens.
  const std::string whole = text + "end 50\n";
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    static_cast<void>(parse_recording(damaged).ok());
  }
}

}  // namespace
}  // namespace spindle
