// What filter and sketch must say, written for reading and not for speed: one byte at a time over the whole content.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/noticing/text_sketch.h"

namespace sluice::noticing {

inline bool naive_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The text without its markup.
inline std::string naive_text(std::string_view content) {
  constexpr std::size_t kNameBytesMax = 8;
  constexpr std::size_t kTagBytesMax = 992;  // behind its name
  std::string kept;
  bool hidden = false;
  std::size_t at = 0;
  while (at < content.size()) {
    const char c = content[at++];
    if (c != '<') {
      if (!hidden) kept += c;
      continue;
    }
    if (at == content.size()) break;
    const char first = content[at];
    if (!naive_letter(first) && first != '/' && first != '!' && first != '?') continue;
    std::string name;
    if (first == '/' || first == 's' || first == 'S') {
      name = first;
      ++at;
      for (; at < content.size() && name.size() < kNameBytesMax && naive_letter(content[at]); ++at) name += content[at];
    }
    for (char& letter : name)
      if (naive_letter(letter)) letter |= 0x20;
    const std::size_t last = std::min(content.size(), at + kTagBytesMax);
    while (at < last && content[at] != '>') ++at;
    if (at == content.size()) break;
    if (at < last) ++at;
    if (name == "style" || name == "script") hidden = true;
    if (name == "/style" || name == "/script") hidden = false;
  }
  return kept;
}

// Nothing where a group of four is no base64.  What is less than four at the end is not looked at.
inline std::optional<std::string> naive_base64(std::string_view run) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (run.ends_with('=')) run.remove_suffix(1);
  std::string decoded;
  for (; run.size() >= 4; run.remove_prefix(4)) {
    std::size_t bits = 0;
    for (const char c : run.substr(0, 4)) {
      if (!kAlphabet.contains(c)) return std::nullopt;
      bits = bits << 6 | kAlphabet.find(c);
    }
    for (const unsigned shift : {16U, 8U, 0U}) decoded += static_cast<char>(bits >> shift);
  }
  return decoded;
}

class NaiveSketch {
 public:
  explicit NaiveSketch(std::string_view content) {
    least_.fill(kNone);
    const std::string text = naive_text(content.substr(0, kSketchedBytesMax));
    // Looked at in parts, each when 512 bytes behind it are there.  The last word of a part has no next one.
    std::size_t begin = 0;
    for (; text.size() - begin >= 2048; begin += 1536) add_part(text, begin, begin + 1536);
    add_part(text, begin, text.size());
  }
  [[nodiscard]] TextSketch sketch() const {
    TextSketch made;
    for (std::size_t i = 0; i < least_.size(); ++i)
      if (least_[i] != kNone)
        made.bytes[i] =
            static_cast<std::uint8_t>(1 + (static_cast<std::uint32_t>(least_[i]) * 0x9E3779B1U >> 24) % 255);
    return made;
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  static bool blank(char c) { return static_cast<unsigned char>(c) <= ' '; }
  static bool begins_word(std::string_view text, std::size_t at) {
    return static_cast<unsigned char>(text[at]) >= 0xC0 || (!blank(text[at]) && (at == 0 || blank(text[at - 1])));
  }
  void add_part(const std::string& text, std::size_t begin, std::size_t end) {
    std::vector<std::size_t> words;
    for (std::size_t at = begin; at < end; ++at)
      if (begins_word(text, at)) words.push_back(at);
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::size_t size = 0;
      for (std::size_t at = words[i]; at < text.size() && size < 512 && !blank(text[at]); ++at) ++size;
      const bool near_next = i + 1 < words.size() && words[i + 1] - words[i] < 56;
      if (near_next || size < 56) {
        add_word(text, words[i]);
      } else if (decoded_runs_ < 16) {
        ++decoded_runs_;
        add_decoded(std::string_view(text).substr(words[i], size));
      }
    }
  }
  void add_decoded(std::string_view run) {
    const auto decoded = naive_base64(run);
    if (!decoded) return;
    for (const char c : *decoded)
      if (blank(c) && !std::string_view(" \t\r\n").contains(c)) return;
    // Markup may go on from one line to the next.
    const std::size_t before = naive_text(decoded_).size();
    decoded_ += *decoded;
    const std::string text = naive_text(decoded_).substr(before);
    for (std::size_t at = 0; at < text.size(); ++at)
      if (begins_word(text, at)) add_word(text, at);
  }
  void add_word(const std::string& text, std::size_t at) {
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < 8; ++i)
      hash |= std::uint64_t{static_cast<unsigned char>(at + i < text.size() ? text[at + i] : ' ')} << 8 * i;
    hash ^= hash >> 32;
    hash *= 0x9E3779B97F4A7C15U;
    std::uint64_t& least = least_[hash >> 59];
    least = std::min(least, hash >> 27 & 0xFFFFFFFFU);
  }

  std::array<std::uint64_t, kSketchClasses> least_;
  std::string decoded_;
  int decoded_runs_ = 0;
};

inline TextSketch naive_sketch(std::string_view content) { return NaiveSketch(content).sketch(); }

}  // namespace sluice::noticing
