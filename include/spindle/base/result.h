// Result<T>: a value, or the reason why there is none. Errors are values and must be looked at.
//
//   Result<Inode> load(InodeNo number);
//   Result<> touch(InodeNo number) {
//     Inode inode = TRY(load(number));            // leaves with load's error if it failed
//     if (inode.links == 0) return Error{ENOENT, "the inode is free", Subject::inode(number)};
//     return {};
//   }
//
// An Error is small and holds no heap memory, so that failing is as cheap as succeeding: an errno
// code for the caller's caller, a static clause in words, and which block or inode it is about.
// `describe` makes the sentence that a person reads. Reading the value of a failed Result, or the
// error of a good one, is a bug of ours (CHECK).
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "spindle/base/check.h"
#include "spindle/base/id.h"

namespace spindle {

/// What an error is about, by number: nothing in particular, a block, an inode, a byte offset.
struct Subject {
  enum class Kind : std::uint8_t { kNone, kBlock, kInode, kByte };
  Kind kind = Kind::kNone;
  std::uint64_t number = 0;

  static constexpr Subject block(BlockNo block) { return {Kind::kBlock, block.value}; }
  static constexpr Subject inode(InodeNo inode) { return {Kind::kInode, inode.value}; }
  static constexpr Subject byte(std::uint64_t offset) { return {Kind::kByte, offset}; }
};

struct Error {
  int code;               ///< an errno value, never 0
  const char* what = "";  ///< a clause in words, of static storage: "the checksum does not match"
  Subject subject = {};

  /// "block 17: the checksum does not match (Structure needs cleaning)".
  [[nodiscard]] std::string describe() const;
};

/// The bytes of a disk are not what the format allows.
constexpr Error corrupt(const char* what, Subject subject = {}) {
  return Error{EUCLEAN, what, subject};
}

template <class T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, error) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return CHECK(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return CHECK(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return CHECK(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const { return CHECK(!ok()), *std::get_if<1>(&state_); }
  /// 0, or the errno code.
  [[nodiscard]] int code() const { return ok() ? 0 : error().code; }

  T take() && { return std::move(*this).value(); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error) {}

  [[nodiscard]] bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const { return CHECK(!ok()), *error_; }
  [[nodiscard]] int code() const { return ok() ? 0 : error_->code; }
  void take() && { CHECK(ok()); }

 private:
  std::optional<Error> error_;
};

}  // namespace spindle

/// The value of a Result; leaves the function with its error if it failed.
/// Not within the braces of an aggregate, an array or an initializer list: compilers do not destroy
/// the members before it, which are made already, when it leaves from there.
#define TRY(expression)                                    \
  __extension__({                                          \
    auto result_of_try = (expression);                     \
    if (!result_of_try.ok()) return result_of_try.error(); \
    std::move(result_of_try).take();                       \
  })
