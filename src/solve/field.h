// Field: a value somewhere in a case, read with its bounds.
//
// Reading never throws. What is missing or wrong is noted once, in the Failure that all fields of a
// case share, as a sentence that names the field; the reader gets a harmless value and looks at
// `failed()` when it has read all it needs, before it computes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/clock.h"
#include "spindle/json/json.h"

namespace spindle {

/// The first thing that was wrong with a case; and which members of some of its objects were read.
class Failure {
 public:
  [[nodiscard]] bool failed() const { return !sentence_.empty(); }
  [[nodiscard]] const std::string& sentence() const { return sentence_; }
  void note(std::string sentence) {
    if (!failed()) sentence_ = std::move(sentence);
  }

  /// From now on records which members of this object are asked for.
  void watch(const nlohmann::json* object) { read_[object]; }
  void read(const nlohmann::json* object, std::string_view member) {
    if (const auto found = read_.find(object); found != read_.end()) found->second.emplace(member);
  }
  [[nodiscard]] bool was_read(const nlohmann::json* object, std::string_view member) const {
    const auto found = read_.find(object);
    return found != read_.end() && found->second.contains(member);
  }

 private:
  std::string sentence_;
  std::map<const nlohmann::json*, std::set<std::string, std::less<>>> read_;
};

/// Exercises count time in units; a unit is this many virtual nanoseconds, so that fractions of it
/// to six digits are exact.
inline constexpr std::int64_t kUnitNs = 1'000'000;

class Field {
 public:
  Field(const nlohmann::json* value, std::string_view name, Failure* failure, std::size_t item = 0)
      : value_(value), name_(name), failure_(failure), item_(item) {}

  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] bool failed() const { return failure_->failed(); }
  /// Notes why the value cannot be used, or that it is missing.
  void fail(std::string_view why) const;

  /// A member; absent if this is no object or has none of that name.
  [[nodiscard]] Field operator[](std::string_view member) const;
  /// The same for a name that is computed; the member goes by this field's name.
  [[nodiscard]] Field member(const std::string& name) const;
  /// The elements of a list, at most `kMostItems`.
  [[nodiscard]] std::vector<Field> items() const;
  [[nodiscard]] bool is_list() const { return present() && value_->is_array(); }
  /// The members of an object, with their names.
  [[nodiscard]] std::vector<std::pair<std::string, Field>> members() const;

  /// Numbers may stand as text ("3"), as tables give them; a whole one may be written 3.0.
  [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
  [[nodiscard]] std::int64_t integer_or(std::int64_t fallback, std::int64_t low,
                                        std::int64_t high) const;
  [[nodiscard]] double number(double low, double high) const;
  [[nodiscard]] double number_or(double fallback, double low, double high) const;
  /// A time in units, not negative.
  [[nodiscard]] VirtualTime time() const;
  [[nodiscard]] VirtualTime time_or(VirtualTime fallback) const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool flag_or(bool fallback) const;
  /// The value as it stands; null if it is absent.
  [[nodiscard]] nlohmann::json raw() const { return present() ? *value_ : nlohmann::json(); }
  /// Which of the words it is; the first if it is absent. Case does not matter, nor whether a
  /// hyphen or an underscore is written; "own|each" is one choice with two spellings.
  [[nodiscard]] std::size_t choice(std::initializer_list<std::string_view> words) const;

  /// Whole numbers: a list of them, or {"generate": [seed, count, low, high]}.
  [[nodiscard]] std::vector<std::uint64_t> naturals(std::uint64_t high) const;

  static constexpr std::size_t kMostItems = 5'000'000;

 private:
  /// How a complaint names the value: "300", "\"x\"", "the list".
  [[nodiscard]] std::string shown() const;
  /// The number that it is, or that its text is; NaN if none.
  [[nodiscard]] double as_number() const;
  [[nodiscard]] std::vector<std::uint64_t> generated(const Field& recipe, std::uint64_t high) const;

  const nlohmann::json* value_;
  std::string_view name_;
  Failure* failure_;
  std::size_t item_;  ///< which of the outermost list it is, or is in, from 1; 0: of none
};

/// A span of time in units: a whole number where it is one.
nlohmann::json in_units(VirtualTime time);
/// Rounded to four decimals, exact ties to the even digit; a whole number where it is one.
nlohmann::json rounded(double value);

}  // namespace spindle
