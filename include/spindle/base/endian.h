// Integers as they stand on a disk: little-endian, unaligned, the same on every machine.
//
// `le32 x;` reads and writes like a number and has the size of one, but an alignment of one byte,
// so that a struct made of these has no padding and can be laid over any bytes.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace spindle {

template <std::integral T>
class LittleEndian {
 public:
  LittleEndian() = default;
  LittleEndian(T value) { *this = value; }

  LittleEndian& operator=(T value) {
    value = swapped(value);
    std::memcpy(bytes_, &value, sizeof value);
    return *this;
  }
  operator T() const {
    T value;
    std::memcpy(&value, bytes_, sizeof value);
    return swapped(value);
  }
  LittleEndian& operator+=(T by) { return *this = static_cast<T>(*this + by); }
  LittleEndian& operator-=(T by) { return *this = static_cast<T>(*this - by); }

 private:
  static T swapped(T value) {
    if constexpr (std::endian::native == std::endian::little || sizeof(T) == 1) return value;
    T out;
    auto* from = reinterpret_cast<const unsigned char*>(&value);
    auto* to = reinterpret_cast<unsigned char*>(&out);
    for (std::size_t i = 0; i < sizeof(T); ++i) to[i] = from[sizeof(T) - 1 - i];
    return out;
  }

  unsigned char bytes_[sizeof(T)] = {};
};

using le16 = LittleEndian<std::uint16_t>;
using le32 = LittleEndian<std::uint32_t>;
using le64 = LittleEndian<std::uint64_t>;
using les64 = LittleEndian<std::int64_t>;

}  // namespace spindle
