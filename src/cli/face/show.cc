#include "cli/face/show.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/face/plan.h"
#include "spindle/base/json_text.h"
#include "spindle/base/whole_file.h"

namespace spindle::cli {
namespace {

using Kind = FaceParameter::Kind;

/// Inputs that are longer than this are not solved again for each other convention.
constexpr std::size_t kMostForConventions = 5000;
constexpr std::size_t kMostReasons = 300;

/// What another convention would have given, where it differs in a quantity.
struct OtherConvention {
  std::string parameter;
  Json value;
  std::vector<std::string> differences;
};

std::vector<OtherConvention> other_conventions(const Form& form, const Solved& solved) {
  std::vector<OtherConvention> others;
  for (const auto& [name, list] : solved.input().items())
    if (list.is_structured() && list.size() > kMostForConventions) return others;
  for (const FaceParameter& parameter : form.parameters()) {
    const bool is_convention = parameter.kind == Kind::kChoice || parameter.kind == Kind::kFlag;
    if (!is_convention || !parameter.is_convention || !has_parameter(*solved.policy, parameter))
      continue;
    std::vector<Json> values(parameter.choices.begin(), parameter.choices.end());
    if (parameter.kind == Kind::kFlag) values = {true, false};
    const std::string name(parameter.name);
    const Json current = solved.parameters().contains(name) ? solved.parameters()[name] : values[0];
    for (const Json& value : values) {
      if (value == current) continue;
      Solved other{solved.problem, {}, solved.policy};
      other.problem.erase("explain");
      other.problem["parameters"][name] = value;
      Complaint ignored;
      if (!solve(other, ignored)) continue;
      OtherConvention found{name, value, {}};
      for (const Measure& measure : form.measures()) {
        const auto here = number_of(solved.answer, measure.key);
        const auto there = number_of(other.answer, measure.key);
        if (here && there && shown(*here) != shown(*there))
          found.differences.push_back(
              fmt::format("{} {} instead of {}", measure.title, shown(*there), shown(*here)));
      }
      if (!found.differences.empty()) others.push_back(std::move(found));
    }
  }
  return others;
}

/// A short list of numbers, with spaces between; longer and nested ones have no place in a title.
std::string list_in_title(const Json& list) {
  constexpr std::size_t kMostInTitle = 8;
  const bool is_short =
      list.is_array() && list.size() <= kMostInTitle &&
      std::ranges::all_of(list, [](const Json& item) { return item.is_number(); });
  std::string text;
  for (const Json& item : is_short ? list : Json::array()) text += " " + plain(item);
  return text;
}

std::string title_of(const Form& form, const Solved& solved) {
  std::string title(solved.policy->title);
  for (const FaceParameter& parameter : form.parameters()) {
    const Json& values = solved.parameters();
    if (parameter.is_input || !values.contains(parameter.name)) continue;
    std::string name(parameter.name);
    std::ranges::replace(name, '_', ' ');
    const Json& value = values[std::string(parameter.name)];
    const std::string shown_value =
        value.is_structured() ? list_in_title(value) : " " + plain(value);
    if (!shown_value.empty()) title += fmt::format(", {}{}", name, shown_value);
  }
  return title;
}

std::string svg_of(const Picture& picture, const std::string& title) {
  return std::visit(
      [&](const auto& data) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(data)>, std::monostate>) {
          return {};
        } else {
          auto titled = data;
          titled.title = title;
          return to_svg(titled);
        }
      },
      picture);
}

std::string text_of(const Picture& picture, const chart::TextStyle& style) {
  return std::visit(
      [&](const auto& data) -> std::string {
        if constexpr (std::is_same_v<std::decay_t<decltype(data)>, std::monostate>)
          return {};
        else
          return to_text(data, style);
      },
      picture);
}

class Show {
 public:
  Show(const Form& form, const FaceRequest& request, Complaint& complaint)
      : form_(form),
        request_(request),
        complaint_(complaint),
        style_(chart::terminal_style(STDOUT_FILENO)) {}

  void one(const Solved& solved) const {
    const std::string title = title_of(form_, solved);
    if (!request_.svg.empty())
      write_svg(request_, svg_of(form_.picture(solved), title), complaint_);
    if (complaint_.made()) return;
    if (request_.json) return print(json_text(json_of(solved), 2) + "\n");
    if (request_.csv) return print(form_.table(solved).csv());
    std::string out = title + "\n\n";
    add_part(out, text_of(form_.picture(solved), style_));
    const chart::Table table = form_.table(solved);
    add_part(out, form_.shows_table() && !table.empty() ? table.text(style_) : "");
    add_part(out, chart::pairs_text(form_.facts(solved)));
    for (const OtherConvention& other : other_conventions(form_, solved))
      out += fmt::format("With {} {}: {}.\n", option_name(other.parameter), plain(other.value),
                         listed(other.differences));
    if (request_.explain || request_.answer) add_part(out += "\n", reasons_text(solved));
    print(out);
  }

  void several(std::vector<Solved> all) const {
    const Measure* rank = nullptr;
    for (const Measure& measure : form_.measures())
      if (rank == nullptr && number_of(all.front().answer, measure.key)) rank = &measure;
    if (rank != nullptr)
      std::ranges::stable_sort(all, [&](const Solved& a, const Solved& b) {
        const double left = number_of(a.answer, rank->key).value_or(1e300);
        const double right = number_of(b.answer, rank->key).value_or(1e300);
        return rank->more_is_better ? right < left : left < right;
      });
    if (!request_.svg.empty()) write_svg(request_, to_svg(bars_of(all, rank)), complaint_);
    if (complaint_.made()) return;
    if (request_.json) {
      Json list = Json::array();
      for (const Solved& solved : all) list.push_back(json_of(solved));
      return print(json_text(list, 2) + "\n");
    }
    const chart::Table table = comparison(all);
    if (request_.csv) return print(table.csv());
    std::string out = table.text(style_);
    if (request_.explain)
      for (const Solved& solved : all)
        out += "\n" + title_of(form_, solved) + "\n" + reasons_text(solved);
    print(out);
  }

 private:
  static void print(const std::string& text) { fmt::print("{}", text); }

  static void add_part(std::string& out, const std::string& part) {
    if (!part.empty() && !out.ends_with("\n\n")) out += "\n";
    out += part;
  }

  [[nodiscard]] std::string reasons_text(const Solved& solved) const {
    std::string out;
    const std::vector<std::string> all = form_.reasons(solved);
    for (std::size_t i = 0; i < all.size() && i < kMostReasons; ++i) out += all[i] + "\n";
    if (all.size() > kMostReasons)
      out +=
          fmt::format("... and {} more choices; --json has them all.\n", all.size() - kMostReasons);
    return out;
  }

  [[nodiscard]] Json json_of(const Solved& solved) const {
    Json json = solved.problem;
    json["answer"] = solved.answer;
    Json others = Json::array();
    for (const OtherConvention& other : other_conventions(form_, solved))
      others.push_back({{"parameter", other.parameter},
                        {"value", other.value},
                        {"differences", other.differences}});
    json["other_conventions"] = others;
    if (request_.explain) json["reasons"] = form_.reasons(solved);
    return json;
  }

  [[nodiscard]] chart::Table comparison(const std::vector<Solved>& all) const {
    std::vector<const Measure*> measures;
    for (const Measure& measure : form_.measures())
      if (std::ranges::any_of(all, [&](const Solved& solved) {
            return number_of(solved.answer, measure.key).has_value();
          }))
        measures.push_back(&measure);
    std::vector<std::string> titles = {"policy"};
    for (const Measure* measure : measures) titles.emplace_back(measure->title);
    chart::Table table(titles);
    for (const Solved& solved : all) {
      std::vector<std::string> row = {std::string(solved.policy->name)};
      for (const Measure* measure : measures) {
        const auto value = number_of(solved.answer, measure->key);
        row.push_back(value ? shown(*value) : "-");
      }
      table.add_row(row);
    }
    return table;
  }

  [[nodiscard]] static chart::Bars bars_of(const std::vector<Solved>& all, const Measure* measure) {
    chart::Bars bars;
    if (measure == nullptr) return bars;
    bars.title = fmt::format("{} of each policy", measure->title);
    bars.axis_label = measure->title;
    for (const Solved& solved : all)
      if (const auto value = number_of(solved.answer, measure->key))
        bars.bars.push_back({std::string(solved.policy->name), *value});
    return bars;
  }

  const Form& form_;
  const FaceRequest& request_;
  Complaint& complaint_;
  chart::TextStyle style_;
};

}  // namespace

void show(const Form& form, const FaceRequest& request, std::vector<Solved> solved,
          Complaint& complaint) {
  const Show show(form, request, complaint);
  solved.size() == 1 ? show.one(solved.front()) : show.several(std::move(solved));
}

void write_svg(const FaceRequest& request, const std::string& document, Complaint& complaint) {
  if (request.svg.empty()) return;
  if (document.empty()) return complaint.make("--svg: there is no picture of this answer");
  const Result<> written = write_whole_file(request.svg, document);
  if (!written.ok())
    complaint.make(fmt::format("--svg: {}: {}", request.svg, written.error().describe()));
}

}  // namespace spindle::cli
