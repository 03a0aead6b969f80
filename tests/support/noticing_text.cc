#include "tests/support/noticing_text.h"

#include <algorithm>
#include <array>

namespace sluice::noticing {
namespace {

constexpr std::size_t kVocabulary = 3000;

std::vector<std::string> make_vocabulary() {
  constexpr std::array<std::string_view, 24> kSyllables = {"ka", "lo", "mi", "ter", "an",  "be", "ri", "sto",
                                                           "un", "ga", "le", "ner", "for", "ti", "so", "ma",
                                                           "el", "in", "ro", "sch", "de",  "pa", "ut", "wen"};
  Draw draw(4711);
  std::vector<std::string> words(kVocabulary);
  for (std::string& word : words) {
    for (std::uint32_t left = draw.between(1, 4); left > 0; --left) word += kSyllables[draw.next() % kSyllables.size()];
  }
  return words;
}

// Frequent words come first.
const std::string& some_word(Draw& draw) {
  static const std::vector<std::string> kWords = make_vocabulary();
  const double share = draw.share();
  return kWords[static_cast<std::size_t>(share * share * share * static_cast<double>(kWords.size()))];
}

}  // namespace

std::string some_words(Draw& draw, std::uint32_t count) {
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i) {
    text += some_word(draw);
    text += i % 12 == 11 ? "\r\n" : " ";
  }
  return text;
}

TextSketch sketch_of(std::string_view text) {
  TextSketcher sketcher;
  sketcher.feed(text);
  return sketcher.finish();
}

RotatingText::RotatingText(Draw& draw, std::uint32_t words, double varied) : choices_(words) {
  for (std::vector<std::string>& choice : choices_) {
    for (int left = draw.chance(varied) ? 3 : 1; left > 0; --left) choice.push_back(some_word(draw));
  }
}

std::string RotatingText::copy(Draw& draw) const {
  std::string text = "Dear " + some_word(draw) + ",\r\n";
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    text += choices_[i][draw.next() % choices_[i].size()];
    text += i % 12 == 11 ? "\r\n" : " ";
  }
  return text + std::to_string(draw.between(1000, 99'999)) + "\r\n";
}

}  // namespace sluice::noticing
