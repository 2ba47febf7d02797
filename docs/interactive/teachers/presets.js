"use strict";
// Ensembles to choose from: raw scores [N][K], the temperature and the bias to start at, and what to see.

const SYMMETRIC = [
  [1.2, 0.1, -0.4, -0.9], [0.9, -0.3, 0.2, -0.6], [0.2, 1.1, -0.5, -0.1], [-0.2, 0.8, 0.1, -0.4],
  [0.4, 0.2, 0.9, -0.3], [-0.1, -0.4, 1.0, 0.3], [0.3, 0.0, -0.2, 0.5], [0.6, -0.1, 0.1, 0.2],
];
const BIASES = [1.5, 0.5, -0.5, -1.5];

const PRESETS = {
  symmetric: {
    label: "symmetric", temperature: 0.5, bias: 0, logits: SYMMETRIC,
    see: "Every cluster is wanted by about as many samples, about as firmly. Down to a temperature of about "
      + "0.5 both corrections stay close to the exact teacher: nothing here tells one from the other.",
  },
  minority: {
    label: "a sure minority", temperature: 0.5, bias: 0,
    logits: [
      [-6.0, 0.3, 0.1, 0.4], [-5.5, 0.4, 0.5, 0.2], [0.8, -0.1, 0.0, -0.3], [0.6, 0.1, -0.2, 0.2],
      [-0.1, 0.9, -0.2, 0.0], [0.1, -0.2, 0.7, -0.1], [0.2, 0.1, -0.1, 0.8], [0.3, 0.2, 0.4, -0.2],
    ],
    see: "The first two samples are very sure that they do not belong to cluster 1; the others hardly care. "
      + "A mean of scores is moved by how sure the two are, a share of the samples is not: centering pushes"
      + " all others into cluster 1.",
  },
  broad: {
    label: "one broad cluster", temperature: 0.5, bias: 0,
    logits: [
      [3.0, 0.2, -0.3, 0.1], [-3.2, 0.3, 0.1, -0.2], [2.1, -0.1, 0.4, -0.2], [-2.4, 0.5, -0.2, 0.2],
      [1.0, 0.1, 0.3, -0.4], [-1.2, -0.3, 0.5, 0.2], [0.4, -0.2, -0.1, 0.4], [-0.3, 0.0, -0.2, 0.5],
    ],
    see: "Scores of cluster 1 vary from sample to sample, those of the others hardly do. That variation is "
      + "what the geometric mean cannot see: its gap is large in one cluster alone, and centering gives "
      + "that cluster too much.",
  },
  biased: {
    label: "a bias for each cluster", temperature: 0.5, bias: 0,
    logits: SYMMETRIC.map((row) => row.map((v, k) => v + BIASES[k])),
    see: "The symmetric scores, with one number added in each cluster. Centering and the exact teacher do "
      + "not notice; one division by the prior does, and falls behind.",
  },
  digits: {
    label: "real digits", temperature: 0.04, bias: 0, logits: DIGITS.logits,
    see: "48 handwritten digits that the network did not see in training, and its 8 clusters. At the "
      + "temperature at which it was trained, 0.04, centering is about twice as far from the exact teacher "
      + "as inverse priors are.",
  },
};
