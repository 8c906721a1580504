#include "cli/face/traces.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/face/plan.h"

namespace spindle::cli {

std::vector<std::string> with_libraries_loaded(std::string_view option, PolicyKind kind,
                                               std::vector<std::string> names,
                                               Complaint& complaint) {
  for (std::string& name : names) {
    if (!is_policy_library(name)) continue;
    const auto loaded = load_policy(kind, name);
    if (loaded.ok())
      name = *loaded;
    else
      complaint.make(fmt::format("{}: {}", option, loaded.error().what));
  }
  return names;
}

std::vector<std::string> chosen_policies(const FaceRequest& request, PolicyKind kind,
                                         const std::vector<std::string>& others,
                                         std::string_view fallback, Complaint& complaint) {
  const std::vector<std::string> asked =
      with_libraries_loaded("--policy", kind, request.policies, complaint);
  std::vector<std::string> known = others;
  for (const std::string_view name : policy_names(kind)) known.emplace_back(name);
  if (request.all) return known;
  for (const std::string& name : asked)
    if (std::ranges::find(known, name) == known.end())
      complaint.make_unknown_policy(name, listed(known));
  if (!asked.empty()) return asked;
  return fallback.empty() ? std::vector<std::string>() : std::vector{std::string(fallback)};
}

std::vector<std::uint64_t> trace_numbers(const FaceRequest& request, const std::string& name,
                                         const std::string& fallback, double low, double high,
                                         Complaint& complaint) {
  const auto given = request.values.find(name);
  const std::string option = option_name(name);
  std::vector<std::uint64_t> numbers;
  for (const std::string& part :
       split(given == request.values.end() ? fallback : given->second, ", ")) {
    const Json number = read_number(part, option, complaint, low, high);
    if (!complaint.made() && !number.is_number_integer())
      complaint.make(fmt::format("{}: {} is not a whole number", option, part));
    if (complaint.made()) return {low > 0 ? static_cast<std::uint64_t>(low) : 1};
    numbers.push_back(number.get<std::uint64_t>());
  }
  if (numbers.empty()) {
    complaint.make(option + ": there is no number");
    numbers.push_back(1);
  }
  return numbers;
}

void refuse_others(const FaceRequest& request, const std::vector<std::string_view>& known,
                   Complaint& complaint) {
  for (const auto& [name, value] : request.values)
    if (std::ranges::find(known, name) == known.end())
      complaint.make(option_name(name) + ": a replay of a trace has no such parameter");
  if (request.explain) complaint.make("--explain: a trace has too many choices to explain");
  if (request.quiz || request.answer) complaint.make("--quiz: a trace cannot be a question");
  if (!request.file.empty()) complaint.make("--file: --trace names the file already");
}

void complain_of(const std::string& file, const Error& error, Complaint& complaint) {
  complaint.make(fmt::format("--trace: {}: {}", file, error.describe()));
}

std::string rate_text(std::uint64_t count, std::int64_t ns) {
  return fmt::format("{:.1f}",
                     ns == 0 ? 0.0 : 1e3 * static_cast<double>(count) / static_cast<double>(ns));
}

}  // namespace spindle::cli
