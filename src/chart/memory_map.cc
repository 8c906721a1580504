#include "spindle/chart/memory_map.h"

#include <algorithm>

#include "spindle/chart/svg.h"

namespace spindle::chart {
namespace {

constexpr std::size_t kMostParts = 500;

std::uint64_t longest_of(const MemoryMap& map) {
  std::uint64_t longest = 1;
  for (const MemoryMap::Part& part : map.parts) longest = std::max(longest, part.length);
  return longest;
}

std::string_view fill_of(Meaning meaning, const TextStyle& style) {
  if (meaning == Meaning::kFree) return style.pick("░", ".");
  return meaning == Meaning::kOverhead ? style.pick("▒", "%") : style.pick("█", "#");
}

}  // namespace

std::string to_text(const MemoryMap& map, const TextStyle& style) {
  std::size_t label = 4;
  std::size_t digits = 4;
  for (const MemoryMap::Part& part : map.parts) {
    label = std::max(label, columns_of(part.label));
    digits = std::max(digits, std::to_string(part.from + part.length).size());
  }
  const std::size_t room = style.width - std::min(style.width - 8, label + 3 * digits + 10);
  const auto longest = static_cast<double>(longest_of(map));
  std::string out = right_aligned("from", digits) + "  " + right_aligned("to", digits) + "  " +
                    right_aligned("size", digits) + "  " + padded("what", label) + "  (" +
                    map.unit + ")\n";
  std::uint64_t end = 0;
  for (const MemoryMap::Part& part : map.parts) {
    if (part.from < end) out += "\n";
    end = part.from + part.length;
    const auto length = static_cast<std::size_t>(
        std::max(1.0, static_cast<double>(part.length) / longest * static_cast<double>(room)));
    out += right_aligned(std::to_string(part.from), digits) + "  " +
           right_aligned(std::to_string(part.from + part.length), digits) + "  " +
           right_aligned(std::to_string(part.length), digits) + "  " + padded(part.label, label) +
           "  " + repeated(fill_of(part.meaning, style), std::min(length, room)) + "\n";
  }
  return out;
}

std::string to_svg(const MemoryMap& map) {
  constexpr double kTop = 64;
  constexpr double kLeast = 20;
  constexpr double kGap = 30;
  const std::size_t count = std::min(map.parts.size(), kMostParts);
  double whole = 0;
  for (std::size_t i = 0; i < count; ++i) whole += static_cast<double>(map.parts[i].length);
  const double room = std::max(0.0, 460 - kLeast * static_cast<double>(count));
  const auto height = [&](const MemoryMap::Part& part) {
    return kLeast + (whole > 0 ? static_cast<double>(part.length) / whole * room : 0);
  };
  const auto begins_anew = [&](std::size_t i) {
    return i != 0 && map.parts[i].from < map.parts[i - 1].from + map.parts[i - 1].length;
  };
  double bottom = kTop;
  double label = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bottom += height(map.parts[i]) + (begins_anew(i) ? kGap : 0);
    label = std::max(label, Svg::width_of(map.parts[i].label));
  }
  const double width = std::max(220.0, label + 30);
  const std::string scale = "address (" + map.unit + ")";
  const double left = std::max(110.0, Svg::width_of(scale, 11) + 20);
  Svg svg(std::max(left + width + 130, Svg::width_of(map.title, 15) + 40), bottom + 30, map.title);
  svg.text({16, 26}, map.title, {.size = 15, .bold = true});
  svg.text({left - 10, kTop - 14}, scale, {.size = 11, .anchor = Anchor::kEnd});
  svg.text({left + width + 10, kTop - 14}, "size (" + map.unit + ")", {.size = 11});
  double y = kTop;
  for (std::size_t i = 0; i < count; ++i) {
    const MemoryMap::Part& part = map.parts[i];
    if (begins_anew(i)) y += kGap;
    const Box box{left, y, width, height(part)};
    svg.box(box, {.fill = colour_of(part.meaning), .stroke = "#000000"});
    svg.text_in(box, part.label, {.colour = ink_on(part.meaning)});
    svg.text({left - 10, y + 4}, std::to_string(part.from), {.size = 11, .anchor = Anchor::kEnd});
    svg.text({left + width + 10, y + box.height / 2 + 4}, std::to_string(part.length),
             {.size = 11});
    y += box.height;
    const std::uint64_t end = part.from + part.length;
    const bool is_last = i + 1 == count || begins_anew(i + 1);
    if (is_last || map.parts[i + 1].from != end)
      svg.text({left - 10, y + (is_last ? 4 : -3)}, std::to_string(end),
               {.size = 11, .anchor = Anchor::kEnd});
  }
  return svg.document();
}

}  // namespace spindle::chart
