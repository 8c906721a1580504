#include "cli/inspect/answer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "spindle/base/json_text.h"
#include "spindle/chart/text_style.h"
#include "spindle/json/json.h"

namespace spindle::cli {
namespace {

constexpr std::size_t kMostNotes = 20;
constexpr std::size_t kFewRows = 16;  // that may stand in parts on a narrow terminal

}  // namespace

std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[64];
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
    return fmt::format("@{}", seconds);
  }
  return nanoseconds == 0 ? fmt::format("{} UTC", text)
                          : fmt::format("{}.{:09} UTC", text, nanoseconds);
}

std::string hexadecimal(std::uint64_t value) {
  return fmt::format("0x{:016x}", value);
}

void Answer::note(const std::string& sentence) {
  if (std::ranges::find(notes_, sentence) != notes_.end()) return;
  if (notes_.size() < kMostNotes) {
    notes_.push_back(sentence);
  } else {
    ++more_notes_;
  }
}

void Answer::cannot_read(const std::string& what, const Error& error) {
  note(fmt::format("{} cannot be read: {}.", what, error.describe()));
}

std::vector<std::string> Answer::all_notes() const {
  auto all = notes_;
  if (more_notes_ != 0) all.push_back(fmt::format("There is more damage: {} times.", more_notes_));
  return all;
}

std::string Answer::text() const {
  const chart::TextStyle style = chart::terminal_style(STDOUT_FILENO);
  const std::size_t width = style.wraps ? style.width : 0;
  std::string out = facts_.empty() ? "" : facts_text(facts_);
  for (const auto& [name, table] : tables_) {
    if (!out.empty()) out += "\n";
    out += name + ":\n" + table.text(table.row_count() <= kFewRows ? width : 0);
  }
  const auto notes = all_notes();
  if (!notes.empty() && !out.empty()) out += "\n";
  for (const auto& note : notes) out += note + "\n";
  return out;
}

std::string Answer::json() const {
  auto out = nlohmann::ordered_json::parse(facts_json(facts_));
  for (const auto& [name, table] : tables_) out[name] = nlohmann::ordered_json::parse(table.json());
  out["notes"] = all_notes();
  return json_text(out, 2) + "\n";
}

}  // namespace spindle::cli
