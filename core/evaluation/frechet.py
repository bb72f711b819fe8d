"""How far two sets of features are apart."""

import numpy as np


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Between the Gaussians of features [N, C] and [M, C]:

        |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))

    with their means and covariances (Dowson and Landau, "The Frechet distance between multivariate normal
    distributions", 1982; as a measure of generated pictures Heusel et al., "GANs trained by a two time-scale update
    rule converge to a local Nash equilibrium", 2017). Small sets lie too far apart: compare sets of the same size.
    """
    means = one.mean(0, dtype=np.float64), other.mean(0, dtype=np.float64)
    first, second = (np.atleast_2d(np.cov(features.T.astype(np.float64))) for features in (one, other))
    # The eigenvalues of S1 S2 are those of R S2 R, which is symmetric, R the root of S1.
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return float(((means[0] - means[1]) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * shared)
