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

/// The parts as boxes below one another, with addresses to the left and sizes to the right.
class MemoryMapDrawing {
 public:
  explicit MemoryMapDrawing(const MemoryMap& map)
      : map_(map), count_(std::min(map.parts.size(), kMostParts)) {
    double label = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      whole_ += static_cast<double>(map.parts[i].length);
      label = std::max(label, Svg::width_of(map.parts[i].label));
    }
    width_ = std::max(220.0, label + 30);
    left_ = std::max(110.0, Svg::width_of(scale(), 11) + 20);
  }

  [[nodiscard]] std::string document() const {
    Svg svg(std::max(left_ + width_ + 130, Svg::width_of(map_.title, 15) + 40), bottom() + 30,
            map_.title);
    svg.text({16, 26}, map_.title, {.size = 15, .bold = true});
    svg.text({left_ - 10, kTop - 14}, scale(), {.size = 11, .anchor = Anchor::kEnd});
    svg.text({left_ + width_ + 10, kTop - 14}, "size (" + map_.unit + ")", {.size = 11});
    double y = kTop;
    for (std::size_t i = 0; i < count_; ++i) {
      if (begins_anew(i)) y += kGap;
      draw(svg, i, y);
      y += height(i);
    }
    return svg.document();
  }

 private:
  static constexpr double kTop = 64;
  static constexpr double kLeast = 20;
  static constexpr double kGap = 30;

  [[nodiscard]] std::string scale() const { return "address (" + map_.unit + ")"; }
  [[nodiscard]] double height(std::size_t i) const {
    const double room = std::max(0.0, 460 - kLeast * static_cast<double>(count_));
    const auto length = static_cast<double>(map_.parts[i].length);
    return kLeast + (whole_ > 0 ? length / whole_ * room : 0);
  }
  [[nodiscard]] bool begins_anew(std::size_t i) const {
    return i != 0 && map_.parts[i].from < map_.parts[i - 1].from + map_.parts[i - 1].length;
  }
  [[nodiscard]] double bottom() const {
    double y = kTop;
    for (std::size_t i = 0; i < count_; ++i) y += height(i) + (begins_anew(i) ? kGap : 0);
    return y;
  }

  void draw(Svg& svg, std::size_t i, double y) const {
    const MemoryMap::Part& part = map_.parts[i];
    const Box box{left_, y, width_, height(i)};
    svg.box(box, {.fill = colour_of(part.meaning), .stroke = "#000000"});
    svg.text_in(box, part.label, {.colour = ink_on(part.meaning)});
    write_address(svg, y + 4, part.from);
    svg.text({left_ + width_ + 10, y + box.height / 2 + 4}, std::to_string(part.length),
             {.size = 11});
    const std::uint64_t end = part.from + part.length;
    const bool is_last = i + 1 == count_ || begins_anew(i + 1);
    if (is_last || map_.parts[i + 1].from != end)
      write_address(svg, y + box.height + (is_last ? 4 : -3), end);
  }
  void write_address(Svg& svg, double y, std::uint64_t address) const {
    svg.text({left_ - 10, y}, std::to_string(address), {.size = 11, .anchor = Anchor::kEnd});
  }

  const MemoryMap& map_;
  std::size_t count_;
  double whole_ = 0;  ///< all lengths together
  double width_ = 0;  ///< of a box
  double left_ = 0;   ///< where the boxes begin
};

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
  return MemoryMapDrawing(map).document();
}

}  // namespace spindle::chart
