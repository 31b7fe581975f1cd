"""What a validation asks for besides a chain to an anchor: how strong algorithms were at the time that counts.

A policy is a value with a version: it is stored beside every verdict that is kept, so that the same question can be
asked again in ten years. A change of a line here is a new version.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from asn1crypto import algos, keys
from pyhanko.sign.validation.utils import CMSAlgorithmUsagePolicy
from pyhanko_certvalidator.policy_decl import AlgorithmUsageConstraint

from registry.values import Value


class Strength(Value):
    """An algorithm and the last day on which it was trusted; None: it still is. least_bits: of the key, for ciphers;
    the strongest line that a key reaches counts."""

    algorithm: str
    least_bits: int = 0
    until: date | None = None


class Policy(Value):
    """version: year and number of the edition. after: the source of its days. advised_until: from then on new
    signatures should not be made with it; what was made is judged by `strengths` alone."""

    version: str
    after: str
    strengths: tuple[Strength, ...]
    advised_until: tuple[Strength, ...] = ()

    def digest(self, name: str) -> Strength | None:
        """The line of a digest; None when the policy does not know it."""
        return next((s for s in self.strengths if s.algorithm == name), None)

    def cipher(self, name: str, bits: int) -> Strength | None:
        """The line of a key of so many bits; None when the policy knows no such key."""
        fitting = [s for s in self.strengths if s.algorithm == name and bits >= s.least_bits]
        return max(fitting, key=lambda s: s.least_bits, default=None)


POLICY = Policy(
    version="2026.1",
    after="ETSI TS 119 312; dates of weak algorithms as in the EU DSS's validation policy",
    strengths=(
        Strength(algorithm="md5", until=date(2005, 8, 1)),
        Strength(algorithm="sha1", until=date(2009, 8, 1)),
        Strength(algorithm="sha224", until=date(2023, 8, 1)),
        *(Strength(algorithm=f"sha{n}") for n in (256, 384, 512)),
        *(Strength(algorithm=f"sha3_{n}") for n in (256, 384, 512)),
        Strength(algorithm="shake256"),
        Strength(algorithm="rsa", least_bits=786, until=date(2009, 8, 1)),
        Strength(algorithm="rsa", least_bits=1536, until=date(2016, 8, 1)),
        Strength(algorithm="rsa", least_bits=1900),
        Strength(algorithm="dsa", least_bits=1024, until=date(2009, 8, 1)),
        Strength(algorithm="dsa", least_bits=2048),
        Strength(algorithm="ec", least_bits=160, until=date(2013, 8, 1)),
        Strength(algorithm="ec", least_bits=224, until=date(2021, 8, 1)),
        Strength(algorithm="ec", least_bits=256),
        Strength(algorithm="ed25519"),
        Strength(algorithm="ed448"),
    ),
    advised_until=(Strength(algorithm="rsa", least_bits=1900, until=date(2029, 1, 1)),),
)
"""The policy in force."""

CIPHERS = {"rsassa_pkcs1v15": "rsa", "rsassa_pss": "rsa", "ecdsa": "ec"}


class StrengthPolicy(CMSAlgorithmUsagePolicy):  # type: ignore[misc]
    """A Policy in the words of pyHanko. What is weak is refused from a day on, so that a proof that the signature
    existed before saves it: CRYPTO_CONSTRAINTS_FAILURE_NO_POE, never a plain refusal."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def digest_algorithm_allowed(
        self, algo: algos.DigestAlgorithm, moment: datetime | None
    ) -> AlgorithmUsageConstraint:
        return _judged(self._policy.digest(algo["algorithm"].native), moment)

    def signature_algorithm_allowed(
        self, algo: algos.SignedDigestAlgorithm, moment: datetime | None, public_key: keys.PublicKeyInfo | None
    ) -> AlgorithmUsageConstraint:
        digest = _digest_of(algo)
        weak = _judged(self._policy.digest(digest), moment) if digest else None
        if weak is not None and not weak.allowed:
            return weak
        name = _cipher_of(algo)
        bits = public_key.bit_size if public_key is not None and name in ("rsa", "dsa", "ec") else 1 << 16
        return _judged(self._policy.cipher(name, bits), moment)


def ends_on(digest: str, signature: str, key: keys.PublicKeyInfo, policy: Policy = POLICY) -> date | None:
    """The last day on which a signature made so is to be relied on without a newer timestamp over it: of its digest and
    its key, and the day from which it is advised against. None while there is none.

    signature: the kind as asn1crypto calls it. RSASSA-PSS is not advised against, PKCS#1 v1.5 is.
    """
    cipher = CIPHERS.get(signature, signature)
    bits = key.bit_size if cipher in ("rsa", "dsa", "ec") else 1 << 16
    lines = [policy.digest(digest), policy.cipher(cipher, bits)]
    if None in lines:
        return date.min  # the policy does not know it: nothing to be relied on
    advised = [] if signature == "rsassa_pss" else [s for s in policy.advised_until if s.algorithm == cipher]
    return min((s.until for s in (*lines, *advised) if s is not None and s.until is not None), default=None)


def weak_on(policy: Policy, digest: str, cipher: str, bits: int, on: date) -> str | None:
    """Which of the two was too weak on that day, as `sha1` or `rsa 1024`; None when both held."""
    for line, name in ((policy.digest(digest), digest), (policy.cipher(cipher, bits), f"{cipher} {bits}".strip())):
        if line is None or (line.until is not None and on > line.until):
            return name
    return None


def _judged(line: Strength | None, moment: datetime | None) -> AlgorithmUsageConstraint:
    if line is None:
        return AlgorithmUsageConstraint(allowed=False, failure_reason="the policy does not know the algorithm")
    if line.until is None:
        return AlgorithmUsageConstraint(allowed=True)
    end = datetime.combine(line.until, time.max, UTC)
    held = moment is not None and moment <= end
    return AlgorithmUsageConstraint(allowed=held, not_allowed_after=None if held else end)


def _digest_of(algo: algos.SignedDigestAlgorithm) -> str | None:
    try:
        return str(algo.hash_algo)
    except ValueError:  # named elsewhere (ecdsa alone), or none of its own (EdDSA)
        return None


def _cipher_of(algo: algos.SignedDigestAlgorithm) -> str:
    try:
        name = str(algo.signature_algo)
    except ValueError:
        name = str(algo["algorithm"].native)
    return CIPHERS.get(name, name)
