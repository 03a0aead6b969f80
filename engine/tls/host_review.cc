#include "engine/tls/host_review.h"

#include <string.h>

#include <algorithm>
#include <utility>

#include "engine/io/files.h"
#include "engine/tls/certificate_facts.h"

namespace sluice::tls {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;

// RFC 8446 section 4.4.2: each certificate certifies the one before it; the root may be left out, what is between may
// not, or clients that have not met it elsewhere refuse.
void review_chain(const std::string& file, const std::vector<CertificateFacts>& chain, std::int64_t now,
                  std::vector<std::string>& faults) {
  if (chain.size() == 1 && !chain.front().self_signed())
    faults.push_back(file +
                     ": whether the chain is complete cannot be told: there is the host's own certificate alone, "
                     "and clients that do not have its issuer, " +
                     chain.front().issuer +
                     ", among their roots refuse it; put the issuer's certificate behind it, which does no harm where "
                     "it is a root");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    const std::string place = file + ": certificate number " + std::to_string(i + 1);
    if (chain[i].subject_digest != chain[i - 1].issuer_digest)
      faults.push_back(place + " is not the issuer of the one before it, " + chain[i - 1].issuer);
    if (chain[i].expires < now) faults.push_back(place + " has expired on " + date_text(chain[i].expires));
  }
}

void review_mode(const std::string& key_file, std::vector<std::string>& faults) {
  constexpr unsigned kOthersRead = 0004;
  constexpr unsigned kOthersWrite = 0022;  // the group's members among them
  const auto mode = io::file_mode(key_file);
  if (!mode) return;
  if ((*mode & kOthersRead) != 0)
    faults.push_back(key_file + ": every user of the machine may read this key: chmod o-rwx");
  if ((*mode & kOthersWrite) != 0)
    faults.push_back(key_file + ": others than its owner may change this key: chmod go-w");
}

void review_dates(const Certificate& certificate, WallMillis now, std::int64_t days, PairReview& pair) {
  if (std::string fault = date_fault(certificate, now); !fault.empty()) {
    pair.faults.push_back(std::move(fault));
  } else if (pair.days_left < days) {
    pair.faults.push_back(pair.file + ": the certificate expires in " + std::to_string(pair.days_left) +
                          (pair.days_left == 1 ? " day, on " : " days, on ") + date_text(certificate.expires));
  }
}

PairReview review_pair(CertificateDirectory& directory, const std::string& host, std::size_t number, WallMillis now,
                       std::int64_t days) {
  PairReview pair;
  pair.file = directory.chain_path(host, number);
  auto files = directory.read(host, number);
  review_mode(directory.key_path(host, number), pair.faults);
  if (!files) {
    pair.faults.push_back(files.error());
    return pair;
  }
  const auto made = load_certificate(host, *files);
  explicit_bzero(files->key_pem.data(), files->key_pem.size());
  if (!made) pair.faults.push_back(made.error());
  const auto chain = certificates_in(files->chain_pem);
  if (!chain) return pair;
  std::vector<CertificateFacts> facts;
  for (const std::string& der : *chain)
    if (auto read = read_certificate(der)) facts.push_back(*std::move(read));
  if (facts.size() != chain->size()) return pair;
  // Also of a pair that does not fit: whose it is helps to find the other half.
  pair.loaded = true;
  const CertificateFacts& leaf = facts.front();
  pair.kind = leaf.kind;
  pair.issuer = leaf.self_signed() ? "itself" : leaf.issuer;
  pair.names = leaf.names;
  pair.expires = leaf.expires;
  const std::int64_t left = leaf.expires - now / 1000;
  pair.days_left = left >= 0 ? left / kDaySeconds : -((-left + kDaySeconds - 1) / kDaySeconds);
  if (!made) return pair;
  review_dates(**made, now, days, pair);
  if (std::string fault = name_fault(**made, host); !fault.empty()) pair.faults.push_back(std::move(fault));
  review_chain(pair.file, facts, now / 1000, pair.faults);
  return pair;
}

}  // namespace

HostReview review_host(CertificateDirectory& directory, const std::string& host, WallMillis now, std::int64_t days) {
  HostReview review{.host = host, .pairs = {}, .faults = {}};
  if (std::string fault = folder_fault(host); !fault.empty()) review.faults.push_back(std::move(fault));
  const auto stamp = directory.stamp(host);
  if (!stamp) return review;
  for (std::size_t number = 0; number < kPairsMax; ++number) {
    if (!stamp->pairs[number]) continue;
    PairReview pair = review_pair(directory, host, number, now, days);
    const auto same = std::ranges::find_if(
        review.pairs, [&](const PairReview& other) { return other.loaded && pair.loaded && other.kind == pair.kind; });
    if (same != review.pairs.end())
      pair.faults.push_back(pair.file + ": has a key of the same kind as " + same->file +
                            ", so that it is never shown");
    review.pairs.push_back(std::move(pair));
  }
  if (stamp->policy_url)
    if (auto url = directory.read_policy_url(host); !url) review.faults.push_back(url.error());
  return review;
}

}  // namespace sluice::tls
