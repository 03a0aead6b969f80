#include "auth/store/argon2.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>

#include "auth/secret.h"
#include "auth/store/argon2_block.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

constexpr std::size_t kHashBytes = crypto_generichash_BYTES_MAX;  // of BLAKE2b
static_assert(kHashBytes == 64);
constexpr std::uint32_t kVersion = 0x13;
constexpr std::uint32_t kSlices = 4;
constexpr std::uint32_t kBlocksOfLaneMin = 8;
constexpr std::uint32_t kLanesMost = (std::uint32_t{1} << 24) - 1;

std::array<unsigned char, 4> le32(std::uint32_t value) {
  return {static_cast<unsigned char>(value), static_cast<unsigned char>(value >> 8),
          static_cast<unsigned char>(value >> 16), static_cast<unsigned char>(value >> 24)};
}

class Blake2b {
 public:
  explicit Blake2b(std::size_t size) : size_(size) { CHECK(crypto_generichash_init(&state_, nullptr, 0, size) == 0); }
  Blake2b(const Blake2b&) = delete;
  Blake2b& operator=(const Blake2b&) = delete;
  ~Blake2b() { wipe_bytes(&state_, sizeof state_); }
  void add(std::span<const unsigned char> bytes) {
    CHECK(crypto_generichash_update(&state_, bytes.data(), bytes.size()) == 0);
  }
  void add(std::uint32_t number) { add(le32(number)); }
  void add_with_size(std::string_view text) {
    add(static_cast<std::uint32_t>(text.size()));
    add({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
  }
  void finish(std::span<unsigned char> out) {
    CHECK(out.size() == size_ && crypto_generichash_final(&state_, out.data(), size_) == 0);
  }

 private:
  crypto_generichash_state state_;
  std::size_t size_;
};

using Hash = std::array<unsigned char, kHashBytes>;

// RFC 9106 3.3, H': of any size.
void hash_long(std::initializer_list<std::span<const unsigned char>> parts, std::span<unsigned char> out) {
  Blake2b first(std::min(out.size(), kHashBytes));
  first.add(static_cast<std::uint32_t>(out.size()));
  for (const std::span<const unsigned char> part : parts) first.add(part);
  if (out.size() <= kHashBytes) return first.finish(out);
  Hash hash;
  first.finish(hash);
  while (true) {
    std::ranges::copy(std::span(hash).first<kHashBytes / 2>(), out.begin());
    out = out.subspan(kHashBytes / 2);
    Blake2b next(std::min(out.size(), kHashBytes));
    next.add(hash);
    if (out.size() <= kHashBytes) {
      next.finish(out);
      break;
    }
    next.finish(hash);
  }
  wipe_bytes(hash.data(), hash.size());
}

std::span<unsigned char> bytes_of(Argon2Block& block) {
  return {reinterpret_cast<unsigned char*>(&block), sizeof block};
}

// Where a block is: lanes of the same length, each of four segments, one a slice.
struct Segment {
  std::uint32_t pass = 0;
  std::uint32_t slice = 0;
  std::uint32_t lane = 0;
};

class Memory {
 public:
  Memory(const Argon2Parameters& parameters, std::span<std::byte> bytes)
      : parameters_(parameters),
        segment_length_(parameters.kibibytes / (kSlices * parameters.lanes)),
        lane_length_(segment_length_ * kSlices),
        blocks_(new(bytes.data()) Argon2Block[std::size_t{lane_length_} * parameters.lanes]) {}

  void fill(const Hash& seed);
  // The last blocks of all lanes, XORed.
  void fold(Argon2Block& out) const;

 private:
  Argon2Block& at(std::uint32_t lane, std::uint32_t column) {
    return blocks_[std::size_t{lane} * lane_length_ + column];
  }
  void fill_segment(const Segment& segment);
  [[nodiscard]] std::uint32_t reference(const Segment& segment, std::uint32_t index, std::uint32_t random,
                                        bool same_lane) const;

  const Argon2Parameters& parameters_;
  const std::uint32_t segment_length_;
  const std::uint32_t lane_length_;
  Argon2Block* const blocks_;
  const Argon2Compress compress_ = argon2_compress();
};

// RFC 9106 3.4.1.2: pseudo-random numbers that do not depend on the password.
class Addresses {
 public:
  Addresses(const Argon2Parameters& parameters, const Segment& segment, std::uint32_t blocks, Argon2Compress compress)
      : compress_(compress) {
    input_.set_word(0, segment.pass);
    input_.set_word(1, segment.lane);
    input_.set_word(2, segment.slice);
    input_.set_word(3, blocks);
    input_.set_word(4, parameters.passes);
    input_.set_word(5, static_cast<std::uint64_t>(parameters.type));
  }
  // `index` goes up by one from call to call.
  std::uint64_t next(std::uint32_t index) {
    if (!made_ || index % kArgon2BlockWords == 0) make();
    return numbers_.word(index % kArgon2BlockWords);
  }

 private:
  void make() {
    input_.set_word(6, input_.word(6) + 1);
    compress_(kZero, input_, numbers_, Argon2Next::replaced);
    compress_(kZero, numbers_, numbers_, Argon2Next::replaced);
    made_ = true;
  }
  static constexpr Argon2Block kZero{};
  const Argon2Compress compress_;
  bool made_ = false;
  Argon2Block input_{};
  Argon2Block numbers_{};
};

// RFC 9106 3.4.2: which column of a lane the block at `index` of the segment refers to.
std::uint32_t Memory::reference(const Segment& segment, std::uint32_t index, std::uint32_t random,
                                bool same_lane) const {
  const bool first_pass = segment.pass == 0;
  const std::uint32_t finished = first_pass ? segment.slice * segment_length_ : lane_length_ - segment_length_;
  std::uint32_t area = finished;
  if (same_lane) {
    area += index - 1;
  } else if (index == 0) {
    area -= 1;
  }
  const std::uint64_t square = std::uint64_t{random} * random >> 32;
  const auto back = static_cast<std::uint32_t>(area * square >> 32);
  const std::uint32_t start = first_pass || segment.slice == kSlices - 1 ? 0 : (segment.slice + 1) * segment_length_;
  return (start + area - 1 - back) % lane_length_;
}

void Memory::fill_segment(const Segment& segment) {
  const bool by_address = parameters_.type == Argon2Type::i || (segment.pass == 0 && segment.slice < kSlices / 2);
  const bool first = segment.pass == 0 && segment.slice == 0;
  const Argon2Next how = segment.pass == 0 ? Argon2Next::replaced : Argon2Next::combined;
  Addresses addresses(parameters_, segment, lane_length_ * parameters_.lanes, compress_);
  // The first two blocks of a lane are made of the password.
  for (std::uint32_t index = first ? 2 : 0; index < segment_length_; ++index) {
    const std::uint32_t column = segment.slice * segment_length_ + index;
    const Argon2Block& previous = at(segment.lane, (column == 0 ? lane_length_ : column) - 1);
    const std::uint64_t random = by_address ? addresses.next(index) : previous.word(0);
    const std::uint32_t lane = first ? segment.lane : static_cast<std::uint32_t>((random >> 32) % parameters_.lanes);
    const Argon2Block& referred =
        at(lane, reference(segment, index, static_cast<std::uint32_t>(random), lane == segment.lane));
    compress_(previous, referred, at(segment.lane, column), how);
  }
}

void Memory::fill(const Hash& seed) {
  for (std::uint32_t lane = 0; lane < parameters_.lanes; ++lane) {
    for (std::uint32_t column = 0; column < 2; ++column)
      hash_long({seed, le32(column), le32(lane)}, bytes_of(at(lane, column)));
  }
  for (std::uint32_t pass = 0; pass < parameters_.passes; ++pass) {
    for (std::uint32_t slice = 0; slice < kSlices; ++slice) {
      for (std::uint32_t lane = 0; lane < parameters_.lanes; ++lane)
        fill_segment({.pass = pass, .slice = slice, .lane = lane});
    }
  }
}

void Memory::fold(Argon2Block& out) const {
  for (std::uint32_t lane = 0; lane < parameters_.lanes; ++lane) {
    const Argon2Block& last = blocks_[std::size_t{lane + 1} * lane_length_ - 1];
    for (std::size_t i = 0; i < out.words.size(); ++i) out.words[i] ^= last.words[i];
  }
}

}  // namespace

bool Argon2Parameters::valid() const {
  return lanes >= 1 && lanes <= kLanesMost && passes >= 1 && kibibytes >= std::uint64_t{kBlocksOfLaneMin} * lanes;
}

void compute_argon2(const Argon2Parameters& parameters, std::string_view password, std::string_view salt,
                    std::span<std::byte> memory, std::span<unsigned char> digest) {
  CHECK(parameters.valid() && memory.size() >= parameters.memory_bytes());
  CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % alignof(Argon2Block) == 0);
  CHECK(digest.size() >= 4 && digest.size() <= kHashBytes);
  // RFC 9106 3.2, H_0; neither a secret key nor associated data.
  Hash seed;
  {
    Blake2b hash(kHashBytes);
    for (const std::uint32_t number :
         {parameters.lanes, static_cast<std::uint32_t>(digest.size()), parameters.kibibytes, parameters.passes,
          kVersion, static_cast<std::uint32_t>(parameters.type)})
      hash.add(number);
    for (const std::string_view text : {password, salt, std::string_view(), std::string_view()})
      hash.add_with_size(text);
    hash.finish(seed);
  }
  Memory blocks(parameters, memory);
  blocks.fill(seed);
  Argon2Block last{};
  blocks.fold(last);
  hash_long({bytes_of(last)}, digest);
  wipe_bytes(seed.data(), seed.size());
  wipe_bytes(&last, sizeof last);
  wipe_bytes(memory.data(), parameters.memory_bytes());
}

}  // namespace sluice::auth
