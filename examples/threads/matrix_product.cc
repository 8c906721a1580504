// A matrix product with a thread for each band of rows, on two workers: threads share only data
// that they only read, so no lock is needed, and the join makes the results visible.
#include <algorithm>
#include <vector>

#include "example.h"
#include "spindle/thread/group.h"

using namespace spindle::thread;

constexpr std::size_t kSize = 128;
constexpr std::size_t kBand = 16;
using Matrix = std::vector<double>;

void multiply_rows(const Matrix& a, const Matrix& b, Matrix& product, std::size_t begin,
                   std::size_t end) {
  for (std::size_t row = begin; row < end; ++row) {
    for (std::size_t k = 0; k < kSize; ++k) {
      for (std::size_t column = 0; column < kSize; ++column) {
        product[row * kSize + column] += a[row * kSize + k] * b[k * kSize + column];
      }
    }
  }
}

int main() {
  Matrix a(kSize * kSize), b(kSize * kSize), product(kSize * kSize), expected(kSize * kSize);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<double>(i % 7);
    b[i] = static_cast<double>(i % 11);
  }
  multiply_rows(a, b, expected, 0, kSize);
  run(
      [&] {
        TaskGroup group("bands");
        for (std::size_t row = 0; row < kSize; row += kBand) {
          group.run([&, row] { multiply_rows(a, b, product, row, row + kBand); });
        }
        group.wait();
      },
      {.workers = 2});
  check(product == expected, "the product differs from the one of a single thread");
  std::printf("%zu x %zu, %zu bands\n", kSize, kSize, kSize / kBand);
}
