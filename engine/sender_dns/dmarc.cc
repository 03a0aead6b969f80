#include "engine/sender_dns/dmarc.h"

#include <algorithm>
#include <array>

#include "engine/base/ascii.h"
#include "engine/base/tag_list.h"

namespace sluice::sender_dns {
namespace {

std::string lower(std::string_view text) {
  std::string folded(text);
  std::ranges::transform(folded, folded.begin(), to_lower);
  return folded;
}

std::optional<DmarcPolicy> policy_of(std::string_view value) {
  const std::string word = lower(value);
  for (const DmarcPolicy policy : {DmarcPolicy::none, DmarcPolicy::quarantine, DmarcPolicy::reject})
    if (word == name(policy)) return policy;
  return std::nullopt;
}

std::size_t count_labels(std::string_view domain) {
  return static_cast<std::size_t>(std::ranges::count(domain, '.')) + 1;
}

std::string_view without_first_label(std::string_view domain) {
  const std::size_t dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
}

// 4.10, step 5: from names of eight labels and more the walk goes on at seven.
std::string_view next_target(std::string_view domain) {
  constexpr std::size_t kLabelsAfterFirst = 7;
  do {
    domain = without_first_label(domain);
  } while (!domain.empty() && count_labels(domain) > kLabelsAfterFirst);
  return domain;
}

// One value of a tag that has few: sets `place`, or notes that the tag is ignored.
template <typename Value, typename Place>
void take_word(const TagList& tags, std::string_view tag_name,
               std::initializer_list<std::pair<std::string_view, Value>> values, Place& place,
               std::vector<std::string>& ignored) {
  const Tag* const tag = tags.find(tag_name);
  if (tag == nullptr) return;
  const std::string word = lower(tag->value);
  for (const auto& [known, value] : values) {
    if (word != known) continue;
    place = value;
    return;
  }
  ignored.push_back(std::string(tag_name) + "=" + std::string(tag->value.substr(0, 40)));
}

// Null: the question has failed, with the error in `walk`.
std::optional<DmarcStep> ask_step(std::string_view domain, DnsSource& dns, DmarcWalk& walk) {
  DmarcStep step{.domain = std::string(domain)};
  const std::string asked = "_dmarc." + step.domain;
  // A name that is too long for the label in front has none.
  if (!can_be_asked(asked)) return step;
  const io::DnsReply reply = dns.ask(asked, io::DnsType::txt);
  if (reply.status == io::DnsStatus::failed) {
    walk.error = asked + ": " + reply.error;
    return std::nullopt;
  }
  step.aliases = reply.aliases;
  step.authenticated = reply.authenticated;
  for (const io::DnsRecord& record : reply.records)
    if (is_dmarc_record(record.text)) step.texts.push_back(record.text);
  if (step.texts.size() > 1) {
    step.fault = "there are " + std::to_string(step.texts.size()) + " records, and so none counts";
  } else if (!step.texts.empty()) {
    auto record = parse_dmarc_record(step.texts.front());
    if (record)
      step.record = *std::move(record);
    else
      step.fault = std::move(record).error();
  }
  return step;
}

// 4.10.2.
std::string organizational_of(const std::string& start, const std::vector<DmarcStep>& steps) {
  const DmarcStep* shortest = nullptr;
  for (const DmarcStep& step : steps) {
    if (!step.record) continue;
    if (step.record->psd == DmarcPsd::no) return step.domain;
    if (step.record->psd == DmarcPsd::yes && step.domain != start) {
      // "the domain one label below this one".
      std::string_view below = start;
      while (without_first_label(below) != step.domain) below = without_first_label(below);
      return std::string(below);
    }
    shortest = &step;
  }
  return shortest == nullptr ? start : shortest->domain;
}

}  // namespace

std::string_view name(DmarcPolicy policy) {
  switch (policy) {
    case DmarcPolicy::none:
      return "none";
    case DmarcPolicy::quarantine:
      return "quarantine";
    case DmarcPolicy::reject:
      break;
  }
  return "reject";
}

bool is_dmarc_record(std::string_view text) {
  const std::string_view first = text.substr(0, text.find(';'));
  const std::size_t equals = first.find('=');
  if (equals == std::string_view::npos) return false;
  return without_white_space_around(first.substr(0, equals)) == "v" &&
         without_white_space_around(first.substr(equals + 1)) == "DMARC1";
}

std::expected<DmarcRecord, std::string> parse_dmarc_record(std::string_view text) {
  const TagList tags(text);
  if (!tags.fault().empty()) return std::unexpected(tags.fault());
  DmarcRecord record;
  for (const auto& [tag_name, place] :
       {std::pair{"p", &record.policy}, std::pair{"sp", &record.subdomain}, std::pair{"np", &record.missing}}) {
    const Tag* const tag = tags.find(tag_name);
    if (tag == nullptr) continue;
    *place = policy_of(tag->value);
    if (!*place) record.ignored.push_back(std::string(tag_name) + "=" + std::string(tag->value.substr(0, 40)));
  }
  take_word<DmarcPsd>(tags, "psd", {{"y", DmarcPsd::yes}, {"n", DmarcPsd::no}, {"u", DmarcPsd::unknown}}, record.psd,
                      record.ignored);
  take_word<bool>(tags, "t", {{"y", true}, {"n", false}}, record.testing, record.ignored);
  take_word<bool>(tags, "aspf", {{"s", true}, {"r", false}}, record.strict_spf, record.ignored);
  take_word<bool>(tags, "adkim", {{"s", true}, {"r", false}}, record.strict_dkim, record.ignored);
  const Tag* const reports = tags.find("rua");
  record.reports = reports != nullptr && lower(reports->value).find("mailto:") != std::string::npos;
  for (const std::string_view removed : {"pct", "rf", "ri"})
    if (tags.find(removed) != nullptr) record.ignored.push_back(std::string(removed) + "=");
  // 4.10.1: without a policy that is one it counts where reports are asked for, as if p=none.
  if (!record.policy && !record.reports) return std::unexpected("p= is not none, quarantine or reject");
  return record;
}

DmarcWalk walk_dmarc_tree(const std::string& domain, DnsSource& dns) {
  DmarcWalk walk;
  std::size_t asked = 0;
  for (std::string_view at = domain; !at.empty() && asked < kTreeWalkQuestionsMax; at = next_target(at)) {
    ++asked;
    auto step = ask_step(at, dns, walk);
    if (!step) return walk;
    if (step->texts.empty()) continue;
    walk.steps.push_back(*std::move(step));
    const auto& record = walk.steps.back().record;
    if (record && record->psd != DmarcPsd::unknown) break;
  }
  walk.organizational = organizational_of(domain, walk.steps);
  return walk;
}

DmarcApplied applied_record(const std::string& domain, const DmarcWalk& walk, bool exists) {
  const auto with = [&](const DmarcStep& step) {
    const DmarcRecord& record = *step.record;
    DmarcPolicy policy = record.policy.value_or(DmarcPolicy::none);
    if (step.domain != domain) {
      policy = record.subdomain.value_or(policy);
      if (!exists) policy = record.missing.value_or(policy);
    }
    // 4.7, of t=: "reject" is "quarantine" then, and that "none".
    if (record.testing && policy != DmarcPolicy::none)
      policy = policy == DmarcPolicy::reject ? DmarcPolicy::quarantine : DmarcPolicy::none;
    return DmarcApplied{.step = &step, .policy = policy};
  };
  const auto find = [&](const std::string& wanted) {
    return std::ranges::find_if(walk.steps,
                                [&](const DmarcStep& step) { return step.record && step.domain == wanted; });
  };
  if (const auto own = find(domain); own != walk.steps.end()) return with(*own);
  if (const auto parent = find(walk.organizational); parent != walk.steps.end()) return with(*parent);
  // That of the public suffix above, where it has one.
  const auto suffix = std::ranges::find_if(
      walk.steps, [](const DmarcStep& step) { return step.record && step.record->psd == DmarcPsd::yes; });
  return suffix == walk.steps.end() ? DmarcApplied{} : with(*suffix);
}

std::expected<bool, std::string> is_aligned(const std::string& identifier, const std::string& author, bool strict,
                                            const DmarcWalk& author_walk, DnsSource& dns) {
  if (identifier == author) return true;
  if (strict) return false;
  const DmarcWalk walk = walk_dmarc_tree(identifier, dns);
  if (!walk.error.empty()) return std::unexpected(walk.error);
  return walk.organizational == author_walk.organizational;
}

}  // namespace sluice::sender_dns
