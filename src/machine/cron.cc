#include "cron.h"

#include <algorithm>
#include <chrono>

#include "spindle/base/number_text.h"

namespace spindle {
namespace {

constexpr std::size_t kMostJobs = 256;
constexpr int kMostDays = 5 * 366;
constexpr std::int64_t kDaySeconds = 86'400;

struct Field {
  int low = 0;
  int high = 0;
  std::string_view names;  ///< of low, low + 1 ..., three letters each
};
constexpr std::array<Field, 5> kFields = {{{0, 59, ""},
                                           {0, 23, ""},
                                           {1, 31, ""},
                                           {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                           {0, 7, "sunmontuewedthufrisat"}}};

std::string_view expand(std::string_view name) {
  constexpr std::pair<std::string_view, std::string_view> kAliases[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
      {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
      {"@hourly", "0 * * * *"}};
  for (const auto& [alias, fields] : kAliases)
    if (alias == name) return fields;
  return {};
}

std::optional<int> number_of(std::string_view text, const Field& field) {
  if (const auto number = number_in(text)) return number;
  if (text.size() != 3) return std::nullopt;
  for (std::size_t i = 0; i + 3 <= field.names.size(); i += 3)
    if (std::ranges::equal(field.names.substr(i, 3), text, {}, {},
                           [](char c) { return static_cast<char>(c | 0x20); }))
      return field.low + static_cast<int>(i / 3);
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    if (end != 0) words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return words;
}

/// "*", "5", "1-5", each perhaps with "/step".
bool allow(std::string_view item, const Field& field, std::uint64_t& bits) {
  const std::size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  const std::optional<int> step =
      slash == std::string_view::npos ? 1 : number_of(item.substr(slash + 1), {});
  std::optional<int> low = field.low;
  std::optional<int> high = field.high;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    low = number_of(range.substr(0, dash), field);
    high = dash == std::string_view::npos ? (slash == std::string_view::npos ? low : high)
                                          : number_of(range.substr(dash + 1), field);
  }
  if (!low || !high || !step || *step < 1 || *low < field.low || *high > field.high || *low > *high)
    return false;
  for (int number = *low; number <= *high; number += *step) bits |= std::uint64_t{1} << number;
  return true;
}

bool allow_field(std::string_view field, std::size_t place, CronJob& job) {
  for (std::string_view rest = field; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (!allow(rest.substr(0, comma), kFields[place], job.allowed[place])) return false;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  if (place == 2) job.any_day = field.starts_with('*');
  if (place != 4) return true;
  job.any_weekday = field.starts_with('*');
  // Sunday is 0 and 7.
  if ((job.allowed[4] >> 7 & 1) != 0) job.allowed[4] |= 1;
  return true;
}

std::optional<CronJob> parse_line(const std::vector<std::string>& words) {
  CronJob job;
  std::size_t program = 5;
  std::vector<std::string> fields = words;
  if (words[0] == "at" || words[0] == "@reboot") {
    const bool is_reboot = words[0] == "@reboot";
    program = is_reboot ? 1 : 2;
    const auto seconds = is_reboot || words.size() < 2 ? 0 : number_of(words[1], {});
    if (!seconds || *seconds < 0) return std::nullopt;
    job.once_at = *seconds;
  } else {
    if (words[0].starts_with('@')) {
      fields = words_of(expand(words[0]));
      program = 1;
    }
    if (fields.size() < 5) return std::nullopt;
    for (std::size_t i = 0; i < 5; ++i)
      if (!allow_field(fields[i], i, job)) return std::nullopt;
  }
  if (words.size() <= program) return std::nullopt;
  job.words.assign(words.begin() + static_cast<std::ptrdiff_t>(program), words.end());
  return job;
}

/// Whether the job may start on that day, counted from 1970.
bool fits_day(const CronJob& job, std::int64_t day) {
  const std::chrono::sys_days date{std::chrono::days{day}};
  const std::chrono::year_month_day calendar{date};
  const unsigned weekday = std::chrono::weekday{date}.c_encoding();
  if ((job.allowed[3] >> unsigned{calendar.month()} & 1) == 0) return false;
  const bool day_fits = (job.allowed[2] >> unsigned{calendar.day()} & 1) != 0;
  const bool weekday_fits = (job.allowed[4] >> weekday & 1) != 0;
  if (!job.any_day && !job.any_weekday) return day_fits || weekday_fits;
  return day_fits && weekday_fits;
}

bool fits_minute(const CronJob& job, std::int64_t minute_of_day) {
  return (job.allowed[0] >> (minute_of_day % 60) & 1) != 0 &&
         (job.allowed[1] >> (minute_of_day / 60) & 1) != 0;
}

/// The first second from `from` on, of the calendar, at which it starts.
std::optional<std::int64_t> next_of(const CronJob& job, std::int64_t from) {
  const std::int64_t first_minute = (from + 59) / 60;
  std::int64_t day = first_minute / 1440;
  std::int64_t minute = first_minute % 1440;
  for (int days = 0; days < kMostDays; ++days, ++day, minute = 0) {
    if (!fits_day(job, day)) continue;
    for (; minute < 1440; ++minute)
      if (fits_minute(job, minute)) return day * kDaySeconds + minute * 60;
  }
  return std::nullopt;
}

}  // namespace

Cron Cron::parse(std::string_view table, std::vector<std::string>& complaints) {
  Cron cron;
  int number = 0;
  while (!table.empty()) {
    const std::size_t end = std::min(table.find('\n'), table.size());
    const std::vector<std::string> words = words_of(table.substr(0, end));
    table.remove_prefix(std::min(end + 1, table.size()));
    ++number;
    if (words.empty() || words[0].starts_with('#')) continue;
    auto job = parse_line(words);
    if (job && cron.jobs_.size() < kMostJobs)
      cron.jobs_.push_back(*std::move(job));
    else
      complaints.push_back("line " + std::to_string(number) + " of the crontab cannot be read");
  }
  return cron;
}

std::optional<std::int64_t> Cron::next(std::int64_t after, std::int64_t start_wall_seconds) const {
  std::optional<std::int64_t> first;
  for (const CronJob& job : jobs_) {
    std::optional<std::int64_t> at;
    if (job.once_at) {
      if (*job.once_at > after) at = job.once_at;
    } else if (const auto wall = next_of(job, start_wall_seconds + after + 1)) {
      at = *wall - start_wall_seconds;
    }
    if (at) first = first ? std::min(*first, *at) : *at;
  }
  return first;
}

std::vector<const CronJob*> Cron::due(std::int64_t second, std::int64_t start_wall_seconds) const {
  std::vector<const CronJob*> jobs;
  const std::int64_t wall = start_wall_seconds + second;
  for (const CronJob& job : jobs_) {
    const bool is_due = job.once_at ? *job.once_at == second
                                    : wall % 60 == 0 && fits_day(job, wall / kDaySeconds) &&
                                          fits_minute(job, wall % kDaySeconds / 60);
    if (is_due) jobs.push_back(&job);
  }
  return jobs;
}

}  // namespace spindle
