// Answer: what `spindle inspect` says about its subject, once in words and once as JSON.
//
// Facts come first, then the tables, then notes: sentences about what could not be read, or about
// what one has to know of the answer. All text from the disk goes through `printable` on its way.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spindle/base/printable.h"
#include "spindle/base/result.h"
#include "spindle/chart/facts.h"

namespace spindle::cli {

using chart::Fact;
using chart::FactTable;
using chart::Value;

/// A number from the disk, whatever its width there.
inline Value number(std::uint64_t value) {
  return value;
}
/// "2026-11-22 19:25:32 UTC", with the nanoseconds if there are any; "@SECONDS" if it is too far
/// away for a calendar.
std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds = 0);
/// "0x0123456789abcdef".
std::string hexadecimal(std::uint64_t value);

class Answer {
 public:
  void fact(std::string name, Value value) { facts_.push_back({std::move(name), value}); }
  /// `name` is a key of the JSON and the title of the text.
  void table(std::string name, FactTable table) {
    tables_.push_back({std::move(name), std::move(table)});
  }
  /// Adds a whole sentence. The same sentence is added once; if there are very many, most are only
  /// counted.
  void note(const std::string& sentence);
  /// The sentence "`what` cannot be read: why."
  void cannot_read(const std::string& what, const Error& error);

  [[nodiscard]] std::vector<std::string> all_notes() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;

 private:
  struct NamedTable {
    std::string name;
    FactTable table;
  };

  std::vector<Fact> facts_;
  std::vector<NamedTable> tables_;
  std::vector<std::string> notes_;
  std::uint64_t more_notes_ = 0;
};

}  // namespace spindle::cli
