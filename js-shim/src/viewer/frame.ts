import "./frame.css";
