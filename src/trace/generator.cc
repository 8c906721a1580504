#include "spindle/trace/generator.h"

#include <cmath>

#include "spindle/base/check.h"

namespace spindle {

PageGenerator::PageGenerator(const PageRecipe& recipe) : recipe_(recipe), random_(recipe.seed) {
  CHECK(recipe.pages != 0 && recipe.phase != 0 && recipe.loop != 0 && recipe.loop <= recipe.pages);
  if (recipe.kind == PageRecipe::Kind::kZipf) make_zipf();
}

void PageGenerator::make_zipf() {
  const std::size_t pages = recipe_.pages;
  CHECK(pages < std::size_t{1} << 32);
  chances_.resize(pages);
  aliases_.resize(pages);
  double sum = 0;
  for (std::size_t i = 0; i < pages; ++i)
    sum += chances_[i] = std::pow(static_cast<double>(i + 1), -recipe_.skew);
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::size_t i = 0; i < pages; ++i) {
    chances_[i] *= static_cast<double>(pages) / sum;
    (chances_[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  while (!small.empty() && !large.empty()) {
    const std::uint32_t poor = small.back();
    const std::uint32_t rich = large.back();
    small.pop_back();
    aliases_[poor] = rich;
    chances_[rich] -= 1 - chances_[poor];
    if (chances_[rich] >= 1) continue;
    large.pop_back();
    small.push_back(rich);
  }
  for (const std::vector<std::uint32_t>* rest : {&small, &large})
    for (std::uint32_t page : *rest) chances_[page] = 1;
}

PageKey PageGenerator::next() {
  const std::uint64_t now = done_++;
  switch (recipe_.kind) {
    case PageRecipe::Kind::kSequential:
      return now % recipe_.pages;
    case PageRecipe::Kind::kLoop:
      return now % recipe_.loop;
    case PageRecipe::Kind::kPhases:
      if (now % recipe_.phase == 0) phase_start_ = random_.below(recipe_.pages - recipe_.loop + 1);
      return phase_start_ + random_.below(recipe_.loop);
    case PageRecipe::Kind::kZipf: {
      const std::uint64_t page = random_.below(recipe_.pages);
      return random_.unit() < chances_[page] ? page : aliases_[page];
    }
    case PageRecipe::Kind::kUniform:
      break;
  }
  return random_.below(recipe_.pages);
}

}  // namespace spindle
