// RequestBuffers: where requests are received, and stay while they are served.
//
// The kernel wants room for its largest request before it hands out any, so each is received in a
// whole buffer. `fitted` then moves a small request to a buffer of its size if many are out: what
// waits holds no more than it needs. Used by the runtime's threads only.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace spindle {

inline constexpr std::size_t kLargestTransfer = 1u << 20;
inline constexpr std::size_t kRequestBufferSize = kLargestTransfer + 4096;

class RequestBuffers {
 public:
  /// Gives a whole buffer back; others go to the host.
  struct Return {
    RequestBuffers* whole_of = nullptr;
    void operator()(std::byte* bytes) const;
  };
  using Buffer = std::unique_ptr<std::byte[], Return>;

  RequestBuffers();
  /// Whether the host has memory for many requests at once, and some more. From now on there is
  /// a buffer for the next request unless many are out.
  [[nodiscard]] bool prepare();
  /// A whole buffer; null if the host has no memory for one. The one given back last, which is
  /// still in the processor's cache, is taken first. Pages are touched only as far as requests
  /// reach; buffers beyond some go back to the host.
  Buffer take();
  /// A buffer with the request: the same, or a smaller one. `must_fit`: smaller unless few are out,
  /// even if much has to be copied.
  Buffer fitted(Buffer buffer, std::size_t size, bool must_fit);
  /// So many whole buffers are out that those who hold them should end first.
  [[nodiscard]] bool are_many_out() const { return out_ >= kMany; }

 private:
  static constexpr std::size_t kFew = 8;    ///< until so many are out, small requests stay in them
  static constexpr std::size_t kKept = 16;  ///< as many as the kernel writes back at a time
  static constexpr std::size_t kMany = 32;
  static constexpr std::size_t kSmall = 32 * 1024;
  void give(std::byte* bytes);

  std::vector<std::unique_ptr<std::byte[]>> free_;
  std::size_t out_ = 0;
};

}  // namespace spindle
