// Operation: one operation on a Tree, as a recording keeps it, and its line of text.
//
//   std::string line = operation_line(operation);        // "write 1200 80 12 0 4096 512 ..."
//   Operation same = TRY(parse_operation(line));
//
// Fields are parted by one blank, in this order; what an operation has not is 0 or "-":
//   KIND BEGIN_NS TOOK_NS NODE OTHER OFFSET SIZE MODE FLAGS ERROR RESULT NAME NEW_NAME DATA
// OTHER is the second directory or node, RESULT the node that was found or made. In names every
// byte that is no letter, digit or one of . _ / is %XX, with two hexadecimal digits; DATA is
// hexadecimal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spindle/base/result.h"

namespace spindle {

struct Operation {
  enum class Kind : std::uint8_t {
    kLookup,
    kForget,  ///< SIZE references
    kAttributes,
    kSetAttributes,  ///< FLAGS: 1 mode, 2 size, 4 times; SIZE, MODE
    kReadLink,
    kCreate,
    kMakeNode,
    kMakeDirectory,
    kSymlink,  ///< NEW_NAME: the target
    kLink,     ///< NODE gets NAME in OTHER
    kTemporaryFile,
    kUnlink,
    kRemoveDirectory,
    kRename,  ///< NAME of NODE to NEW_NAME of OTHER, as FLAGS say
    kOpen,
    kRead,
    kWrite,
    kSync,  ///< FLAGS: 1 the data only
    kSyncDirectory,
    kSyncAll,
    kAllocate,
    kSeek,
    kCopyRange,      ///< of NODE from OFFSET to OTHER at MODE, SIZE bytes
    kReadDirectory,  ///< SIZE names; OFFSET 1: goes on where the last one ended
    kGetXattr,
    kSetXattr,  ///< SIZE bytes of value
    kListXattr,
    kRemoveXattr,
    kSpace,
  };

  Kind kind{};
  std::int64_t begin_ns = 0;  ///< since the recording began
  std::int64_t took_ns = 0;
  std::uint64_t node = 0;
  std::uint64_t other = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t mode = 0;
  std::uint64_t flags = 0;
  int error = 0;
  std::uint64_t result = 0;
  std::string name = {};
  std::string new_name = {};
  std::string data = {};  ///< bytes written, if contents are recorded

  [[nodiscard]] std::int64_t end_ns() const { return begin_ns + took_ns; }
  bool operator==(const Operation&) const = default;
};

std::string_view operation_name(Operation::Kind kind);
/// The operation as a line, without the line end.
std::string operation_line(const Operation& operation);
/// EINVAL if the text is not such a line, or has numbers that no file system would accept.
Result<Operation> parse_operation(std::string_view line);

/// The text with blanks and line ends escaped; "-" if it is empty.
std::string escaped_text(std::string_view text);
/// EINVAL if `escaped_text` would not write the text.
Result<std::string> unescaped_text(std::string_view text);

/// The next field of a line, up to a blank.
std::string_view take_field(std::string_view& line);
/// EINVAL unless the whole text is a decimal number.
Result<std::uint64_t> number_field(std::string_view text);

}  // namespace spindle
